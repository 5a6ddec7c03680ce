/**
 * Query parameters that advertisements, newsletters and social networks add to links, for their own scripts to read:
 * `utm_*`, `gclid`, `fbclid` and their kind. Left out of the key, a page is one entry however its visitors came.
 * Only for pages that do not print them: what they hold is then the first visitor's. Names match case-sensitively,
 * and `*` stands for any characters. Frozen; spread it to add to it.
 *
 * @example
 * const options: CacheOptions = { ttl: '5m', key: { query: { ignore: [...trackingParams, 'ref'] } } }
 */
export const trackingParams: readonly string[] = Object.freeze([
  // Campaigns: Google Analytics, Matomo and its former name
  'utm_*',
  'mtm_*',
  'pk_campaign',
  'pk_kwd',
  'piwik_campaign',
  'piwik_kwd',
  // Google
  '_ga',
  '_gl',
  'gclid',
  'gclsrc',
  'dclid',
  'gbraid',
  'wbraid',
  'gad_source',
  'gad_campaignid',
  'srsltid',
  // Other search engines: Microsoft, Yandex
  'msclkid',
  'yclid',
  'ysclid',
  '_openstat',
  // Social networks: Facebook, Instagram, X, TikTok, LinkedIn, Pinterest, Snapchat, Reddit
  'fbclid',
  'igsh',
  'igshid',
  'twclid',
  'ttclid',
  'li_fat_id',
  'epik',
  'ScCid',
  'rdt_cid',
  // Mail and automation: Mailchimp, Marketo, HubSpot, Klaviyo, Vero, Omeda, Adobe
  'mc_cid',
  'mc_eid',
  'mkt_tok',
  '_hsenc',
  '_hsmi',
  '__hssc',
  '__hstc',
  '__hsfp',
  'hsCtaTracking',
  '_kx',
  'vero_id',
  'oly_anon_id',
  'oly_enc_id',
  's_kwcid',
  'ef_id',
])
