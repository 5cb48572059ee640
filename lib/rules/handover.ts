/** What a worker is told in the middle of its turn, and what keeps it from ending one. Pure. */
import { clean, head, oneLine } from '../kit/text.ts'

export interface Mail {
  readonly name: string
  readonly text: string
  readonly kind: string
  readonly from: string
}

export interface HandedOver<M extends Mail> {
  readonly text: string
  /** Those that are in it; the others have to wait for the next occasion. */
  readonly told: readonly M[]
}

/** Less of a message is not worth telling where another occasion comes. */
const leastRoom = 500

/** As many as there is room for, oldest first; the first in any case, to as much of it as there is room for. */
export function handOver<M extends Mail>(
  mail: readonly M[],
  seenDirectory: string,
  bytes: number,
): HandedOver<M> {
  const parts = ['Mail for you. It came while you worked; from here on take it into account, and go on.']
  const told: M[] = []
  let room = bytes - Buffer.byteLength(parts.join())
  for (const message of mail) {
    const name = clean(message.name)
    const title = `\n\n## ${name} (${message.kind}, from ${message.from})\n\n`
    const cutting = `\n\n(Cut here. Read the whole of it: ${clean(seenDirectory)}/${name})`
    const frame = Buffer.byteLength(title + cutting)
    const whole = clean(message.text).trim()
    const fits = Buffer.byteLength(whole) + frame <= room
    if (!fits && told.length > 0) break
    const part = fits ? whole : head(whole, Math.max(leastRoom, room - frame))
    parts.push(title, part, ...(part === whole ? [] : [cutting]))
    told.push(message)
    room -= Buffer.byteLength(part) + frame
  }
  return { text: parts.join(''), told }
}

/** What for a worker was kept from ending its turn. */
export type Reason = 'mail' | 'work'

/** How often one attempt is kept in all, and for uncommitted work: codex has no limit of its own. */
const mostHeld = 3
const mostHeldForWork = 1

/** Lines of `git status` that are told. */
const linesTold = 20

export interface Leaving<M extends Mail> {
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
export function keep<M extends Mail>(
  leaving: Leaving<M>,
  bytes: number,
): (HandedOver<M> & { readonly reason: Reason }) | null {
  const { held, mail, uncommitted, asks } = leaving
  if (asks || held.length >= mostHeld) return null
  const heldForWork = held.filter((reason) => reason === 'work').length
  const work = uncommitted.length > 0 && heldForWork < mostHeldForWork ? uncommittedWork(uncommitted) : null
  const room = bytes - Buffer.byteLength(work ?? '') - 2
  const over = mail.length > 0 ? handOver(mail, leaving.seenDirectory, room) : null
  if (!work && !over) return null
  const text = [over?.text, work].filter((part) => part).join('\n\n')
  return { text, told: over?.told ?? [], reason: work ? 'work' : 'mail' }
}

function uncommittedWork(lines: readonly string[]): string {
  const shown = lines.slice(0, linesTold).map((line) => oneLine(line, 100))
  const more = lines.length > linesTold ? `\n… +${lines.length - linesTold} more` : ''
  return `You have uncommitted work. Commit what belongs to the change, remove what does not, or say why it has to stay; then finish.\n\n${shown.join('\n')}${more}`
}
