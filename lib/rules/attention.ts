/** What needs the orchestrator, and what is still under way. Pure. */

import { dateTime } from '../kit/text.ts'
import type { FailureClass } from '../state/schema/common.ts'
import type { Asked, Status } from '../state/schema/status.ts'
import { hopelessNeed, isProgressing, type NeedState } from './capacity.ts'
import { isBlockedLanding, isEnded } from './lifecycle.ts'
import { quoted } from './shell.ts'

/** Why the task needs somebody, or null. */
export function attentionOf(status: Status, needState: (id: string) => NeedState): string | null {
  switch (status.state) {
    case 'failed':
      return status.reason ?? 'failed'
    case 'waiting':
      return status.question === null ? (status.reason ?? 'waiting') : asking(status.question, status.asked)
    case 'review':
      return status.reason ?? 'under review'
    case 'landing':
      return isBlockedLanding(status) ? (status.change?.note ?? 'its landing is blocked') : null
    case 'queued':
      return hopeless(status, needState)
    default:
      return null
  }
}

function hopeless(status: Status, needState: (id: string) => NeedState): string | null {
  const need = hopelessNeed(status, needState)
  return need && `needs ${need} (${needState(need)}), which will not be merged unless you act`
}

/** Goes on by itself: neither ended nor waiting for somebody. */
export function isUnderWay(status: Status, needState: (id: string) => NeedState): boolean {
  if (isEnded(status) || attentionOf(status, needState) !== null) return false
  return status.state !== 'queued' || isProgressing(status, needState)
}

/** `Red or blue? [red · blue; blue from 2026-11-20 12:30 on]` */
function asking(question: string, asked: Asked | null): string {
  const options = asked?.options.join(' · ')
  const fallback =
    asked?.default && `${asked.default} ${asked.by ? `from ${dateTime(asked.by)} on` : 'is its own choice'}`
  const choices = [options, fallback].filter((part) => part).join('; ')
  return choices ? `${question} [${choices}]` : question
}

/**
 * What could be answered, each of the first few: one alone would look like advice. A word to be replaced where
 * anything can. The worker chose these words: none of them is an option of ours, or a name for stdin.
 */
export function answersOf({ options, default: fallback }: Asked): string[] {
  const known = [...new Set([...(fallback === null ? [] : [fallback]), ...options])]
    .filter((answer) => answer !== '' && answer !== '-')
    .map((answer) => `${answer.startsWith('-') ? '-- ' : ''}${quoted(answer)}`)
  return known.length > 0 ? known.slice(0, 3) : ['TEXT']
}

/** Another attempt: by a better spec, from where the base is now, or simply once more. */
function againBy({ id, failure }: Status): string {
  if (failure?.class === 'conflict') return `dirigent respawn ${id} --fresh`
  return `dirigent respawn ${id}${failure && blameless.has(failure.class) ? '' : ' --spec FILE'}`
}

/** What no other spec would help: it is up to the provider, the machine or the settings. */
const blameless: ReadonlySet<FailureClass> = new Set<FailureClass>([
  ...(['usage-limit', 'rate-limit', 'overload', 'network', 'auth', 'bad-request'] as const),
  ...(['killed', 'crash', 'lost', 'start-failed', 'setup-failed', 'bad-plan'] as const),
])

/** What to type next for a task that needs somebody. */
export function nextFor(status: Status): string[] {
  const { id } = status
  switch (status.state) {
    case 'failed':
      return [`dirigent status ${id}`, againBy(status)]
    case 'waiting':
      return status.asked
        ? answersOf(status.asked).map((answer) => `dirigent send ${id} ${answer}`)
        : [`dirigent respawn ${id}`]
    case 'review':
      return [
        `dirigent ${status.settings.plan ? 'status' : 'diff'} ${id}`,
        `dirigent accept ${id}`,
        `dirigent reject ${id} WHY`,
      ]
    case 'landing':
      return [isBlockedLanding(status) ? `dirigent land ${id}` : 'dirigent wait']
    case 'queued':
      // Nothing is to be done about itself; which of them it is its reason says.
      return status.settings.needs.slice(0, 3).map((need) => `dirigent status ${need}`)
    default:
      return [`dirigent status ${id}`]
  }
}
