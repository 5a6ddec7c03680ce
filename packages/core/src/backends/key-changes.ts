interface Watched {
  users: number
  changes: number
}

/** What had become of a key by the moment in which somebody began to look, or to write. */
export interface Watch {
  readonly key: string
  readonly watched: Watched
  readonly changes: number
  readonly clearings: number
}

/**
 * Tells whether a key was changed while one read it below, or wrote it: what was read then may be older than the change,
 * and must not be put above it. Holds only the keys that are under way.
 */
export class KeyChanges {
  readonly #watched = new Map<string, Watched>()
  #clearings = 0

  watch(key: string): Watch {
    const watched = this.#watched.get(key) ?? { users: 0, changes: 0 }
    this.#watched.set(key, watched)
    watched.users++
    return { key, watched, changes: watched.changes, clearings: this.#clearings }
  }

  changed(key: string): void {
    const watched = this.#watched.get(key)
    if (watched !== undefined) watched.changes++
  }

  changedAll(): void {
    this.#clearings++
  }

  isCurrent({ watched, changes, clearings }: Watch): boolean {
    return watched.changes === changes && clearings === this.#clearings
  }

  end({ key, watched }: Watch): void {
    watched.users--
    if (watched.users === 0) this.#watched.delete(key)
  }
}
