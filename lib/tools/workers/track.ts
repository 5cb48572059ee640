/** Where a worker is, folded from its events. Pure: the same events at the same times give the same track. */

import { firstBytes, lastBytes } from './bounded.ts'
import type { Cause, Tool, WorkerEvent } from './event.ts'
import type { Usage } from './usage.ts'

export interface Activity {
  kind: 'starting' | 'thinking' | 'tool' | 'reconnecting' | 'ended'
  /** The running command, the changed files, why it reconnects, or the last line of a program without events. */
  what: string | null
  /** Since when this has been so; ms. */
  since: number
  /** When anything at all was last heard; ms. */
  last_event: number
}

export interface RunningTool {
  id: string
  tool: Tool
  what: string
  since: number
}

export interface Counts {
  commands: number
  ended_commands: number
  failed_commands: number
  patches: number
  messages: number
}

export interface Track {
  threadId: string | null
  activity: Activity
  /** Oldest first. */
  running: RunningTool[]
  counts: Counts
  lastMessage: string | null
  /** The total of the thread or of the attempt, as the kind of worker counts; known at the latest when its turn has completed. */
  usage: Usage | null
  outcome: null | { ended: 'completed' } | { ended: 'failed'; message: string; cause?: Cause }
  /** Why it could hardly do anything, as it said itself. */
  hindered: string | null
  /** Events that the model made: it had read all that was put before it. */
  answers: number
  /** The newest event was one of them. */
  answering: boolean
}

const runningKept = 100
const outputKept = 64 * 1024

/** `at`: when the worker was started, so that a silent start has an age. */
export function newTrack(at = 0): Track {
  return {
    threadId: null,
    activity: { kind: 'starting', what: null, since: at, last_event: at },
    running: [],
    counts: { commands: 0, ended_commands: 0, failed_commands: 0, patches: 0, messages: 0 },
    lastMessage: null,
    usage: null,
    outcome: null,
    hindered: null,
    answers: 0,
    answering: false,
  }
}

export function track(state: Track, event: WorkerEvent, at: number): Track {
  const answering = isAnswer(event)
  const answers = state.answers + (answering ? 1 : 0)
  const next = { ...state, answers, answering, ...changed(state, event, at) }
  return { ...next, activity: activityAfter(state.activity, next, event, at) }
}

function changed(state: Track, event: WorkerEvent, at: number): Partial<Track> {
  switch (event.kind) {
    case 'thread-started':
      return { threadId: event.thread }
    case 'turn-started':
      return { outcome: null, running: [] }
    case 'output':
      return { lastMessage: lastBytes((state.lastMessage ?? '') + event.text, outputKept) }
    case 'hindered':
      return { hindered: state.hindered ?? event.why }
    case 'used':
      return { usage: event.usage }
    case 'message':
      return { lastMessage: firstBytes(event.text, 64 * 1024), counts: plus(state, 'messages') }
    case 'tool-started': {
      const { id, tool, what } = event
      const running = [...state.running, { id, tool, what, since: at }].slice(-runningKept)
      return { running, ...(tool === 'command' ? { counts: plus(state, 'commands') } : {}) }
    }
    case 'tool-ended': {
      const ended = state.running.find(({ id }) => id === event.id)
      const running = state.running.filter((tool) => tool !== ended)
      if (ended?.tool === 'command') {
        const counts = plus(state, 'ended_commands')
        return { running, counts: event.ok ? counts : plus({ counts }, 'failed_commands') }
      }
      if (ended?.tool === 'patch' && event.ok) return { running, counts: plus(state, 'patches') }
      return { running }
    }
    case 'turn-completed':
      return { outcome: { ended: 'completed' }, usage: event.usage, running: [] }
    case 'turn-failed': {
      const { message, cause } = event
      return { outcome: { ended: 'failed', message, ...(cause && { cause }) }, running: [] }
    }
    default:
      return {}
  }
}

const isAnswer = ({ kind }: WorkerEvent): boolean =>
  ['message', 'reasoning', 'tool-started', 'output', 'turn-completed'].includes(kind)

function activityAfter(before: Activity, state: Track, event: WorkerEvent, at: number): Activity {
  const heard = { ...before, last_event: at }
  const become = (kind: Activity['kind'], what: string | null, since: number): Activity => {
    const same = before.kind === kind && kind !== 'tool'
    return { kind, what, since: same ? before.since : since, last_event: at }
  }
  if (event.kind === 'notice') {
    return /^Reconnecting\b/.test(event.message) ? become('reconnecting', event.message, at) : heard
  }
  if (['unknown', 'thread-started', 'hindered', 'used'].includes(event.kind)) return heard
  if (event.kind === 'output') {
    const what = lastLine(state.lastMessage ?? '')
    return { kind: 'thinking', what, since: what === before.what ? before.since : at, last_event: at }
  }
  if (state.outcome !== null) return become('ended', null, at)
  const oldest = state.running[0]
  return oldest ? become('tool', oldest.what, oldest.since) : become('thinking', null, at)
}

/** Of what a program prints: all that is known of what it does. */
function lastLine(text: string): string | null {
  const printed = text.trimEnd()
  return printed.slice(printed.lastIndexOf('\n') + 1).slice(0, 200) || null
}

function plus(state: Pick<Track, 'counts'>, key: keyof Counts): Counts {
  return { ...state.counts, [key]: state.counts[key] + 1 }
}
