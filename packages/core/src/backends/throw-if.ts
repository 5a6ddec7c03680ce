/** Throws what has failed, undefined included, where something has. */
export const throwIf = (failure: { readonly error: unknown } | undefined): void => {
  if (failure !== undefined) throw failure.error
}
