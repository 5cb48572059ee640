/**
 * Faults in the gits that a verb starts: a `git` in front of the real one on PATH numbers its calls, traces each
 * while they are counted, and makes one call of one of them fail. What git starts is traced with it; there the
 * fault may hit several, each once.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Call, callsIn, type Fault, straceArgs } from './strace.ts'

export class GitFaults {
  readonly #directory: string
  readonly #bin: string

  /** @param directory outside the place that is watched */
  constructor(directory: string) {
    this.#directory = join(directory, 'gits')
    this.#bin = join(directory, 'git-bin')
    mkdirSync(this.#bin, { recursive: true })
  }

  /** Puts our git in place: it traces every call, or makes the one fail that is given. */
  arm(
    env: NodeJS.ProcessEnv,
    harm: { readonly git: number; readonly fault: Fault } | null,
  ): NodeJS.ProcessEnv {
    rmSync(this.#directory, { recursive: true, force: true })
    mkdirSync(this.#directory)
    const real = execFileSync('which', ['git'], { env, encoding: 'utf8' }).trim()
    const log = `${this.#directory}/calls-$n`
    const strace = ['strace', '-f', ...straceArgs('LOG', harm?.fault ?? null)]
      .map((word) => `'${word}'`)
      .join(' ')
    const script = `#!/bin/sh
n=1
while ! (set -C; : > ${this.#directory}/n-$n) 2>/dev/null; do n=$((n + 1)); done
${harm ? `[ $n = ${harm.git} ] || exec ${real} "$@"` : ''}
exec ${strace.replace("'LOG'", `"${log}"`)} ${real} "$@"
`
    writeFileSync(join(this.#bin, 'git'), script, { mode: 0o755 })
    return { ...env, PATH: `${this.#bin}:${env.PATH}` }
  }

  /** What the gits did below the place, by their numbers. */
  seen(place: string): { readonly git: number; readonly call: Call }[] {
    return readdirSync(this.#directory)
      .filter((name) => name.startsWith('calls-'))
      .flatMap((name) => {
        const calls = callsIn(readFileSync(join(this.#directory, name), 'utf8'), place)
        return calls.map((call) => ({ git: Number(name.slice('calls-'.length)), call }))
      })
  }
}
