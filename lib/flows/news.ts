/**
 * What is new for somebody who waits. The feed says where to look, the tasks' own files say what is so: a line that
 * is missing is made up for by what stood, and by how many had ended, when the cursor was made.
 */
import { lookAt } from '../kit/read.ts'
import { isEnded, isLast } from '../rules/lifecycle.ts'
import { type Cursor, cursorText, endedModulo, printOf, stoodAt } from '../state/cursor.ts'
import { Feed } from '../state/feed.ts'
import type { Event } from '../state/schema/event.ts'
import type { State, Status } from '../state/schema/status.ts'
import { archivedIds, type BrokenTask, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'
import { loadIfWhole, newestEnded } from './wait-tasks.ts'

/** How things stand, at one look. */
export interface Standing {
  readonly live: readonly Task[]
  readonly broken: readonly BrokenTask[]
  /** Task → why it needs somebody. */
  readonly attention: ReadonlyMap<string, string>
}

export interface News {
  /** Of what needs somebody, what is new. */
  readonly attention: ReadonlySet<string>
  readonly ended: readonly Task[]
  /** By workers. */
  readonly messages: readonly Event[]
  /** Everything was looked up, because the feed did not reach back. */
  readonly all: boolean
  /** Something is written whose line in the feed has not come: look again in a moment. */
  readonly ahead: boolean
  readonly cursor: string
}

/** Between a status and its line in the feed lies one synced write; milliseconds. */
const lineComesWithin = 2000
/** How much older than the cursor something may say that it is, when the cursor does not know it; milliseconds. */
const clockSlack = 60_000

/** What is heard from the feed while waiting. Make it before the first look. */
export class Listener {
  readonly #context: Context
  readonly #from: Cursor | null
  readonly #only: ReadonlySet<string> | null
  readonly feed: Feed
  /** Task → the state that the last line led it to, since the cursor. */
  readonly #became = new Map<string, State>()
  /** Whatever has a line since the cursor, also what nobody waits for. */
  readonly #stirred = new Set<string>()
  readonly #ended = new Map<string, Task>()
  readonly #messages = new Map<string, Event>()
  #archived: readonly string[] = []

  /** @param ids tasks to listen to; empty: all */
  constructor(context: Context, from: Cursor | null, ids: Iterable<string>) {
    this.#context = context
    this.#from = from
    const only = new Set(ids)
    this.#only = only.size > 0 ? only : null
    this.feed = new Feed(context.paths.feed, from)
  }

  /** To be called before the tasks are looked at: what has a line by then is in their files. */
  hear(): readonly Task[] {
    // First of all: whatever is put away by now has its line.
    this.#archived = archivedIds(this.#context.paths).filter((id) => this.#minds(id))
    for (const event of this.feed.read()) {
      this.#stirred.add(event.task)
      if (!this.#minds(event.task)) continue
      if (event.to) this.#became.set(event.task, event.to)
      // A question comes as what needs somebody, when its worker has ended its turn.
      if (event.type === 'message' && event.outbox !== undefined)
        this.#messages.set(`${event.task} ${event.outbox}`, event)
    }
    for (const [id, state] of this.#became) {
      const task = isLast(state) && !this.#ended.has(id) ? loadIfWhole(this.#context, id) : null
      if (task && isEnded(task.status)) this.#ended.set(id, task)
    }
    return [...this.#ended.values()]
  }

  news(standing: Standing): News {
    const live = standing.live.filter((task) => this.#minds(task.id))
    const gone = live.filter((task) => isEnded(task.status)).map((task) => task.id)
    const ended = new Set([...this.#archived, ...gone, ...this.#ended.keys()]).size
    const unheard = this.#unheard(ended)
    const prints = this.#prints(standing)
    const { offset, mark } = this.feed
    return {
      attention: new Set([...prints].filter(([id, print]) => this.#isNew(live, id, print)).map(([id]) => id)),
      ended: [...this.#ended.values(), ...unheard],
      messages: [...this.#messages.values()],
      all: !this.feed.whole,
      ahead: [...live, ...unheard].some((task) => this.#isAhead(task)),
      cursor: cursorText({ offset, mark, ended }, [...prints.values()]),
    }
  }

  #minds(id: string): boolean {
    return this.#only === null || this.#only.has(id)
  }

  /** More have ended since the cursor than the feed tells of: then those who ended last. */
  #unheard(ended: number): Task[] {
    if (this.#from === null) return []
    const more = (ended - this.#from.ended + endedModulo) % endedModulo
    // Fewer than before: somebody has taken some away.
    const missing = more < endedModulo / 2 ? more - this.#ended.size : 0
    if (missing <= 0) return []
    return newestEnded(this.#context, missing, (id) => this.#minds(id) && !this.#ended.has(id))
  }

  #prints({ live, broken, attention }: Standing): Map<string, string> {
    const prints = new Map<string, string>()
    for (const [id, why] of attention) {
      const status = live.find((task) => task.id === id)?.status
      const since = status?.since ?? broken.find((task) => task.id === id)?.failure.code ?? ''
      prints.set(id, printOf(id, since, why))
    }
    return prints
  }

  #isNew(live: readonly Task[], id: string, print: string): boolean {
    if (this.#from === null || !this.feed.whole) return true
    const status = live.find((task) => task.id === id)?.status
    if (status && tells(status) && this.#became.get(id) === status.state) return true
    const stood = stoodAt(this.#from, print)
    if (stood !== null) return !stood
    // It needs somebody without a transition: its landing left a note, or something came of what it needs.
    if (status && !tells(status)) return [id, ...status.settings.needs].some((one) => this.#stirred.has(one))
    if (status && this.#hadLine(status)) return false
    const made = this.feed.before.at(-1)?.at
    const since = status
      ? Date.parse(status.since)
      : (lookAt(this.#context.paths.task(id).status)?.mtimeMs ?? 0)
    return made === undefined || since > Date.parse(made) - clockSlack
  }

  /** Its line came before the cursor, as far back as we look. */
  #hadLine({ id, state }: Status): boolean {
    return this.feed.before.findLast((event) => event.task === id && event.to !== undefined)?.to === state
  }

  #isAhead({ id, status }: Task): boolean {
    if (!tells(status) || Math.abs(Date.now() - Date.parse(status.since)) > lineComesWithin) return false
    return this.#became.get(id) !== status.state && !this.#hadLine(status)
  }
}

/** States whose line in the feed is the news. (What else needs somebody does so without a transition of its own.) */
const tells = (status: Status): boolean =>
  ['failed', 'waiting', 'review'].includes(status.state) || isEnded(status)
