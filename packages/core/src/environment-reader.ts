import { type Duration, parseDuration } from './durations.ts'
import { CacheConfigError, type ConfigProblem, nearest, refuseProblems } from './errors.ts'

const yes: ReadonlySet<string> = new Set(['true', '1', 'yes', 'on'])
const no: ReadonlySet<string> = new Set(['false', '0', 'no', 'off'])

/** Variables as text, and what they come to. One that is empty counts as not set. No message shows a url or a secret. */
export class EnvironmentReader {
  readonly #site: string
  readonly #variables: Readonly<Record<string, string | undefined>>
  readonly #problems: ConfigProblem[] = []

  constructor(site: string, variables: Readonly<Record<string, string | undefined>>) {
    this.#site = site
    this.#variables = variables
  }

  text(name: string): string | undefined {
    const value = this.#variables[name]
    return value === undefined || value === '' ? undefined : value
  }

  required(name: string): string {
    const value = this.text(name)
    if (value === undefined) this.#refuse(name, undefined, `${name} must be set`)
    return value ?? ''
  }

  oneOf(name: string, choices: readonly string[], standard: string): string {
    const value = this.text(name) ?? standard
    if (choices.includes(value)) return value
    const list = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
    this.#refuse(
      name,
      value,
      `${name}=${JSON.stringify(value)} is not supported. Use ${list}`,
      nearest(value, choices),
    )
    this.settle()
    return standard
  }

  /** A whole number from `least` on. */
  count(name: string, least = 1): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const count = Number(value)
    if (/^\d+$/.test(value) && Number.isSafeInteger(count) && count >= least) return count
    this.#refuse(name, value, `${name}=${JSON.stringify(value)} is not a whole number from ${least} on`)
    return undefined
  }

  /** Seconds, or a text with its unit. */
  duration(name: string): Duration | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const stated = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value
    const ms = parseDuration(stated)
    if (ms !== undefined && ms > 0) return stated as Duration
    this.#refuse(name, value, `${name}=${JSON.stringify(value)} is not a duration. Use seconds (60) or "1m"`)
    return undefined
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name)?.toLowerCase()
    if (value === undefined) return undefined
    if (yes.has(value) || no.has(value)) return yes.has(value)
    this.#refuse(name, value, `${name}=${JSON.stringify(value)} must be true or false`)
    return undefined
  }

  url(name: string, standard: string): URL {
    const value = this.text(name) ?? standard
    if (URL.canParse(value)) return new URL(value)
    this.#refuse(name, 'not shown, it may hold a password', `${name} is not a url such as ${standard}`)
    return new URL(standard)
  }

  /** What the file has that a variable names. */
  file(name: string): Buffer | undefined {
    const path = this.text(name)
    if (path === undefined) return undefined
    try {
      return process.getBuiltinModule('node:fs').readFileSync(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      this.#refuse(name, path, `${name}=${JSON.stringify(path)} cannot be read (${code})`)
      return undefined
    }
  }

  /** Throws that the package of a backend is not installed, and what asked for that backend. */
  lacks(name: string): never {
    const chosen = this.text('CACHE_BACKEND')
    const byName = this.#site === 'backendFromEnv' && chosen !== undefined
    const reason = byName ? `CACHE_BACKEND=${JSON.stringify(chosen)}` : this.#site
    const install = `npm install ${name}`
    throw new CacheConfigError([
      {
        code: 'CACHE_CONFIG_DEPENDENCY',
        path: byName ? 'CACHE_BACKEND' : 'NODE_ENV',
        received: byName ? chosen : this.#variables.NODE_ENV,
        message: `${reason}: package "${name}" is not installed. Run: ${install}`,
        hint: install,
      },
    ])
  }

  settle(): void {
    refuseProblems(this.#problems)
  }

  #refuse(path: string, received: unknown, rule: string, hint?: string): void {
    this.#problems.push({
      code: 'CACHE_CONFIG_ENV',
      path,
      received,
      message: `${this.#site}: ${rule}.`,
      ...(hint === undefined ? {} : { hint }),
    })
  }
}
