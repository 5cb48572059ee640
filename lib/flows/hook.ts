/**
 * What the hook answers before a command runs: nothing, or the command made to take its turn. One that the
 * shims will catch is left to them: they hold the lock for the heavy program alone (not for the rest of the
 * line), and witness its own exit code (not that of a `| tail` behind it). Rewritten as a whole is what passes
 * the shims by: a path, a login shell, a changed PATH, sudo, a program without a shim.
 */
import { existsSync, readFileSync } from 'node:fs'
import { weigh } from '../rules/heavy.ts'
import { quoted } from '../rules/shell.ts'
import { commandIn, runInstead } from '../tools/workers/hooks.ts'
import type { Context } from './context.ts'

/** The kernel takes no longer argument than 128 kB. */
const mostWritten = 120_000

/** @param hash names the set of shims that the worker has on its PATH */
export function beforeCommand(context: Context, hash: string, stdin: number): { text: string } | null {
  const input = commandIn(readFileSync(stdin, 'utf8'))
  if (input === null) return null
  const { command } = input
  const set = context.paths.shimSet(hash)
  const weight = weigh(command, context.config.build.shim, (name) => existsSync(set.program(name)))
  if (weight !== 'hidden') return null
  const inTurn = takesTurn(command)
  return Buffer.byteLength(inTurn) <= mostWritten ? { text: runInstead({ ...input, command: inTurn }) } : null
}

/** The same command, by the same shell, under the build lock. */
export function takesTurn(command: string): string {
  const shell = existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh'
  return `DIRIGENT_BUILD_BY=hook dirigent build --repo "$DIRIGENT_REPO" -- ${shell} -c ${quoted(command)}`
}
