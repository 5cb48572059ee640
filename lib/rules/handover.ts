/** What a worker is told in the middle of its turn, and what keeps it from ending one. Pure. */
import { clean, oneLine } from '../kit/text.ts'
import { size } from './fit.ts'
import { one, type Told, whole } from './prompt-messages.ts'
import type { Say } from './texts.ts'

export interface HandedOver<M extends Told> {
  readonly text: string
  /** Those that are in it; the others have to wait for the next occasion. */
  readonly told: readonly M[]
}

/** As many as there is room for, oldest first; the first in any case, as much of it as there is room for. */
export function handOver<M extends Told>(
  mail: readonly M[],
  seenDirectory: string,
  bytes: number,
  say: Say,
): HandedOver<M> {
  const parts = [say('mail')]
  const told: M[] = []
  let room = bytes - size(parts.join())
  for (const message of mail) {
    room -= 2
    const fits = size(whole(message)) <= room
    if (!fits && told.length > 0) break
    const part = fits ? whole(message) : one(message, clean(seenDirectory), room)
    parts.push(part)
    told.push(message)
    room -= size(part)
  }
  return { text: parts.join('\n\n'), told }
}

/** What for a worker was kept from ending its turn. */
export type Reason = 'mail' | 'work'

/** How often one attempt is kept in all, and for uncommitted work: codex has no limit of its own. */
const mostHeld = 3
const mostHeldForWork = 1

/** Lines of `git status` that are told. */
const linesTold = 20

export interface Leaving<M extends Told> {
  /** What for it was kept so far. */
  readonly held: readonly string[]
  readonly mail: readonly M[]
  readonly seenDirectory: string
  /** Lines of `git status`; none when no change is wanted. */
  readonly uncommitted: readonly string[]
  /** It waits for the answer to a question. */
  readonly asks: boolean
}

/** What a worker that wants to end its turn is told instead; null when it may end. */
export function keep<M extends Told>(
  leaving: Leaving<M>,
  bytes: number,
  say: Say,
): (HandedOver<M> & { readonly reason: Reason }) | null {
  const { held, mail, uncommitted, asks } = leaving
  if (asks || held.length >= mostHeld) return null
  const heldForWork = held.filter((reason) => reason === 'work').length
  const work =
    uncommitted.length > 0 && heldForWork < mostHeldForWork ? uncommittedWork(uncommitted, say) : null
  const room = bytes - size(work ?? '') - 2
  const over = mail.length > 0 ? handOver(mail, leaving.seenDirectory, room, say) : null
  if (!work && !over) return null
  const text = [over?.text, work].filter((part) => part).join('\n\n')
  return { text, told: over?.told ?? [], reason: work ? 'work' : 'mail' }
}

function uncommittedWork(lines: readonly string[], say: Say): string {
  const shown = lines.slice(0, linesTold).map((line) => oneLine(line, 100))
  const more = lines.length > linesTold ? `\n… +${lines.length - linesTold} more` : ''
  return `${say('uncommitted')}\n\n${shown.join('\n')}${more}`
}
