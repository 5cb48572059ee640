/**
 * A command of the person's as a kind of worker: any program that reads a prompt on stdin and works in the directory it
 * is started in. Its exit code says whether the turn was completed, the end of what it prints is its last words.
 * Nothing else is known of it: no tokens, no thread to go on with, no hooks.
 */
import { StringDecoder } from 'node:string_decoder'
import { Failure } from '../../kit/errors.ts'
import { oneLine } from '../../kit/text.ts'
import { byNumber, bySignal, type Ending, failure, type WorkerFailure } from '../workers/failure.ts'
import { noUsage } from '../workers/usage.ts'
import type { EventReader, WorkerKind } from '../workers/worker.ts'

export interface CommandSettings {
  /** Run by a shell; null: there is none. */
  run: string | null
}

const shell = '/bin/sh'

export function commandKind(settings: CommandSettings): WorkerKind {
  return {
    name: 'command',
    needs: [],
    countsThread: false,
    hooks: null,
    find() {
      if (settings.run !== null) return shell
      throw new Failure('worker-not-found', 'The worker is to be a command, and none is set', {
        hint: 'Say which program reads the prompt: command.run in .orchestrator-state/config.yaml',
      })
    },
    loginProblem: () => null,
    provider: () => null,
    command: () => ({ argv: ['-c', settings.run ?? 'exit 127'], env: {} }),
    events: outputReader,
    lastEvent: (exitCode) => (exitCode === 0 ? { kind: 'turn-completed', usage: noUsage } : null),
    classify,
    session: () => null,
    examine: async () => ({ version: null, troubles: [] }),
  }
}

function outputReader(): EventReader {
  const decoder = new StringDecoder()
  let begun = false
  return {
    feed(chunk) {
      const text = decoder.write(chunk)
      const first = !begun
      begun = true
      return [...(first ? [{ kind: 'turn-started' as const }] : []), { kind: 'output', text }]
    },
  }
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
    ? failure('start-failed', message, false)
    : failure('crash', message, true)
}
