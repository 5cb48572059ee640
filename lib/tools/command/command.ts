/**
 * A command of the person's as a kind of worker: any program that reads a prompt on stdin and works in the directory it
 * is started in. Its exit code says whether the turn was completed, the end of what it prints is its last words.
 * Nothing else is known of it: no tokens, no thread to go on with, no hooks.
 */
import { StringDecoder } from 'node:string_decoder'
import { Failure } from '../../kit/errors.ts'
import { oneLine } from '../../kit/text.ts'
import { byNumber, bySignal, type Ending, failure, type WorkerFailure } from '../workers/failure.ts'
import { isProgram, onPath } from '../workers/program.ts'
import { noUsage } from '../workers/usage.ts'
import type { EventReader, WorkerKind } from '../workers/worker.ts'

export interface CommandSettings {
  /** Run by a shell; null: there is none. */
  run: string | null
  /** Variables (globs) that it needs, of those that are withheld from workers. */
  env: string[]
}

const shell = '/bin/sh'

export function commandKind(settings: CommandSettings, env: NodeJS.ProcessEnv): WorkerKind {
  return {
    name: 'command',
    needs: settings.env,
    countsThread: false,
    hooks: null,
    find() {
      const problem = !settings.run?.trim()
        ? 'The worker is to be a command, and none is set'
        : missing(settings.run, env)
      if (problem === null) return shell
      throw new Failure('worker-not-found', problem, {
        hint: 'Say which program reads the prompt: command.run in .orchestrator-state/config.yaml',
      })
    },
    loginProblem: () => null,
    provider: () => null,
    command: ({ model, effort }) => ({
      argv: ['-c', settings.run ?? 'exit 127'],
      // Words for it alone: only who wrote the command knows what to do with them.
      env: { ...(model && { DIRIGENT_MODEL: model }), ...(effort && { DIRIGENT_EFFORT: effort }) },
    }),
    isShell: true,
    events: outputReader,
    atStart: [{ kind: 'turn-started' }],
    atEnd: (exitCode) => (exitCode === 0 ? [{ kind: 'turn-completed', usage: noUsage }] : []),
    classify,
    session: () => null,
    examine: async () => ({ version: null, troubles: [] }),
  }
}

/**
 * A sentence when the command begins with a program that is not there; null when it is, or nobody can say without a
 * shell. What is beside a worktree, or in one, is not looked for.
 */
function missing(run: string, env: NodeJS.ProcessEnv): string | null {
  const first = /^\s*(?:exec\s+)?([\w./+-]+)(?=\s|$)/.exec(run)?.[1] ?? ''
  const isThere = first.startsWith('/')
    ? isProgram(first)
    : first === '' || first.includes('/') || shellWords.has(first) || onPath(first, env).length > 0
  return isThere ? null : `command.run begins with ${first}, which is no program on this machine`
}

const shellWords = new Set(
  'if for while until case time cd set unset export eval exec command trap umask ulimit read echo printf test true . :'.split(
    ' ',
  ),
)

function outputReader(): EventReader {
  const decoder = new StringDecoder()
  return { feed: (chunk) => [{ kind: 'output', text: decoder.write(chunk) }] }
}

function classify(ending: Ending): WorkerFailure | null {
  const { track, exitCode, stderrTail } = ending
  if (track.outcome?.ended === 'completed' && exitCode === 0) return null
  const ended = bySignal(ending) ?? byNumber(ending)
  if (ended) return ended
  const said = oneLine(stderrTail.slice(-500), 500)
  const message = `ended with ${exitCode}${said && `: ${said}`}`
  // The shell's words for a program that is not there, or must not be run.
  return exitCode === 126 || exitCode === 127
    ? failure('start-failed', `command.run ${message}`, false)
    : failure('crash', message, true)
}
