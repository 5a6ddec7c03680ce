import { execFile } from 'node:child_process'

export interface CommandOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end; its standard output. Rejects with everything it printed when it fails. */
export function run(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { cwd, env } = options
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 2 ** 20, shell: needsShell(command) },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error }))
      },
    )
  })
}

/** npm and npx are .cmd files on Windows, which only a shell can start. */
const needsShell = (command: string): boolean => process.platform === 'win32' && command.startsWith('np')

/** Runs a script with the Node that runs the tests. */
export const runNode = (args: readonly string[], options: CommandOptions): Promise<string> =>
  run(process.execPath, args, options)
