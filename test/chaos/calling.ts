/** One call of a verb, and everything about its answer that is not as the contract says. */
import { performance } from 'node:perf_hooks'
import { execa } from 'execa'
import { exits } from '../../lib/kit/errors.ts'
import { type Call, run } from '../support/bad-input.ts'
import type { Sandbox } from '../support/sandbox.ts'

export interface Called {
  readonly words: readonly string[]
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
  readonly milliseconds: number
  /** What is wrong with the answer; nothing when it keeps the contract. */
  readonly wrong: readonly string[]
}

/** Longer than any verb takes here on a crowded machine, its own patience (`wait --timeout 1s`) included. */
const mostMilliseconds = 29_000

const contract: readonly number[] = Object.values(exits)

/** Calls a verb and judges the answer. @param before a program and arguments before the verb */
export async function callVerb(
  box: Sandbox,
  words: readonly string[],
  options: Pick<Call, 'before' | 'env' | 'input'> = {},
): Promise<Called> {
  const began = performance.now()
  const ran = await run(box, words, options)
  const milliseconds = performance.now() - began
  const exit = ran.exitCode ?? null
  const [stdout, stderr] = [String(ran.stdout), String(ran.stderr)]
  const wrong: string[] = []
  if (milliseconds > mostMilliseconds || ran.timedOut) wrong.push(`no end within ${mostMilliseconds} ms`)
  else if (exit === null) wrong.push(`ended by ${ran.signal}`)
  else if (!contract.includes(exit)) wrong.push(`exit code ${exit}`)
  if (/^\s+at /m.test(stderr)) wrong.push(`a stack trace: ${stderr.split('\n')[0]}`)
  // What stands behind `--` is no option.
  const json = words.slice(0, [...words, '--'].indexOf('--')).includes('--json')
  if (json && exit !== null && !ran.timedOut)
    wrong.push(...wrongJson(stdout, exit, words.includes('--follow')))
  else if (/met a bug of its own/.test(stderr))
    wrong.push(`a bug: ${stderr.split('\n').find((line) => /met a bug/.test(line))}`)
  return { words, exit, stdout, stderr, milliseconds, wrong }
}

/** With --follow each piece is a line of its own, and there may be none. */
function wrongJson(stdout: string, exit: number, pieces: boolean): string[] {
  const lines = stdout.split('\n').filter((line) => line !== '')
  if (pieces ? lines.length === 0 && exit === 0 : false) return []
  if (!pieces && lines.length !== 1) return [`${lines.length} lines instead of one of JSON`]
  return lines.flatMap((line) => {
    try {
      const answer = JSON.parse(line)
      if (answer.v !== 1 || typeof answer.ok !== 'boolean') return ['JSON that is no envelope']
      if (!answer.ok && answer.error?.code === 'bug') return [`a bug: ${answer.error.message}`]
      if (!answer.ok && !/\S/.test(answer.error?.message ?? '')) return ['an error that says nothing']
      return answer.ok === (exit === exits.done || exit === exits.pending) || exit === exits.failed
        ? []
        : [`ok is ${answer.ok} at exit code ${exit}`]
    } catch (error) {
      if (error instanceof SyntaxError) return ['JSON that cannot be parsed']
      throw error
    }
  })
}

/**
 * How root is made to feel permissions, where it can be: words to put before a command. Null where this user
 * reads every file whatever its mode.
 */
export async function withoutPowers(): Promise<readonly string[] | null> {
  if (process.getuid?.() !== 0) return []
  const powers = '-dac_override,-dac_read_search'
  const words = ['setpriv', `--bounding-set=${powers}`, `--inh-caps=${powers}`]
  const works = await execa(words[0] ?? '', [...words.slice(1), 'true'], { reject: false })
  return works.exitCode === 0 ? words : null
}
