export const token = 'a-token_of.its~own'
