/**
 * The count of a tag of which nothing is known: above that of any stamp, so that whatever carries the tag counts as
 * invalid.
 */
export const invalidCount = Number.MAX_SAFE_INTEGER

export const allInvalid = (tags: readonly string[]): readonly number[] => tags.map(() => invalidCount)

/** How long what was asked under one epoch may still be answered under the next. */
export const overlapMs = 60_000

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value)
