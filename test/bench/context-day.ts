/**
 * A day of an orchestrator, scripted: it reads nothing but the text of verbs, acts on what it reads, and every byte
 * of it is counted by a tokenizer. Tasks, git and codex are real; the model is a script.
 */
import { join } from 'node:path'
import { execa } from 'execa'
import { encode } from 'gpt-tokenizer'
import { exits } from '../../lib/kit/errors.ts'
import { root, type Sandbox } from '../support/sandbox.ts'

/** What becomes of a task: it asks, fails and is begun again, meets a usage limit, or is simply merged. */
export type Fate = 'asks' | 'fails' | 'limited' | 'merges'

export interface Day {
  /** Task → tokens read because of it; what names no single task is shared evenly. */
  readonly perTask: ReadonlyMap<string, number>
  readonly total: number
  /** Tokens of the longest line that `status` and `wait` had for one task. */
  readonly statusLine: number
  readonly newsLine: number
  /** How often it woke up. */
  readonly wakes: number
  /** Tokens for one who reads `status --json` at every wake, and the raw log of each task that has news. */
  readonly naive: number
}

/** Titles as people give them: ids are made of them, and are most of a line. */
const titles = [
  'Parse dates in every locale',
  'Rename the login endpoint',
  'Retry failed uploads',
  'Cache the price list',
  'Describe the export format',
  'Sort search results by date',
  'Remove the legacy importer',
  'Validate postal codes',
  'Log slow queries',
  'Translate the error pages',
]

const idOf = (title: string): string => title.toLowerCase().replaceAll(' ', '-')

export async function playDay(box: Sandbox, fates: readonly Fate[]): Promise<Day> {
  const reader = new Reader(box)
  const tasks = fates.map((fate, n) => ({ fate, title: titles[n] ?? `Task number ${n}` }))
  const ids = tasks.map(({ title }) => idOf(title))
  for (const { fate, title } of tasks)
    await reader.read('spawn', idOf(title), '--spec', specOf(box, title, fate))
  let cursor = ''
  for (let goesOn = true; goesOn; ) {
    const seen = await reader.read('wait', ...(cursor ? ['--since', cursor] : []), '--timeout', '90s')
    cursor = /^cursor: (\S+)$/m.exec(seen)?.[1] ?? ''
    const lines = seen.split('\n').filter((line) => /^[!·] /.test(line))
    const needy = lines.filter((line) => line.startsWith('! '))
    await reader.lookAround(ids, lines)
    for (const line of needy) await actOn(reader, box, line.split(/ +/)[1] ?? '', line)
    goesOn = needy.length > 0 || !/\b0 under way|all settled/.test(seen)
  }
  const unfinished = ids.filter((id) => box.status(id).state !== 'merged')
  if (unfinished.length > 0) throw new Error(`not merged: ${unfinished.join(', ')}`)
  return reader.day(ids)
}

/** What was read of somebody who only waits, per hour: nothing is printed before the end. */
export async function idleHour(box: Sandbox, seconds: number): Promise<{ perHour: number; atEnd: number }> {
  await box.verb('spawn', 'idle', '--spec', box.spec({ title: 'Idle' }, [{ hang: true }]))
  const { cursor } = (await box.json('wait', '--timeout', '0')).json.data
  const args = ['--since', cursor, '--timeout', `${seconds}s`]
  const child = execa(join(root, 'bin', 'wait'), args, {
    cwd: box.repo,
    env: box.env,
    extendEnv: false,
    reject: false,
  })
  const began = Date.now()
  let early = ''
  child.stdout.on('data', (bytes: Buffer) => {
    if (Date.now() - began < seconds * 1000) early += bytes.toString()
  })
  const done = await child
  await box.verb('stop', 'idle', '--cancel')
  return {
    perHour: Math.ceil((encode(early).length * 3600) / seconds),
    atEnd: encode(`${done.stdout}\n`).length,
  }
}

/** It reads what it needs and no more: a question is in the line, why something failed is in `status ID`. */
async function actOn(reader: Reader, box: Sandbox, id: string, line: string): Promise<void> {
  const choice = /\[([^\]·]+?)(?: ·|\])/.exec(line)?.[1]
  if (choice !== undefined) {
    await reader.read('send', id, choice)
    return
  }
  await reader.read('status', id)
  await reader.read('respawn', id, '--spec', specOf(box, id, 'fails', 'Mind the check: it wants fixed.txt.'))
}

class Reader {
  readonly #box: Sandbox
  readonly #read: string[] = []
  readonly #longest = { status: 0, news: 0 }
  #wakes = 0
  #naive = 0

  constructor(box: Sandbox) {
    this.#box = box
  }

  async read(verb: Parameters<Sandbox['verb']>[0], ...args: string[]): Promise<string> {
    const ran = await this.#box.verb(verb, ...args)
    if (ran.exitCode !== 0 && ran.exitCode !== exits.pending)
      throw new Error(`${verb} ${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
    const text = `${ran.stdout}\n${ran.stderr}`.trimEnd()
    if (process.env.CONTEXT_SHOW) console.log(`$ dirigent ${verb} ${args.join(' ')}\n${text}\n`)
    this.#read.push(`${text}\n`)
    // What is said when something is done, everybody reads.
    if (verb !== 'wait' && verb !== 'status') this.#naive += tokensOf(text)
    return text
  }

  /** Measured, not read: what others would have read at this wake, and how long lines are. */
  async lookAround(ids: readonly string[], news: readonly string[]): Promise<void> {
    this.#wakes += 1
    const status = (await this.#box.verb('status', '--all')).stdout.split('\n')
    const lines = status.filter((line) => ids.some((id) => line.includes(id)) && !line.startsWith('next:'))
    this.#longest.status = Math.max(this.#longest.status, ...lines.map(tokensOf))
    this.#longest.news = Math.max(this.#longest.news, ...news.map(tokensOf))
    this.#naive += tokensOf((await this.#box.verb('status', '--json' as never)).stdout)
    for (const id of ids.filter((id) => news.some((line) => line.includes(id))))
      this.#naive += tokensOf((await this.#box.verb('log', id, '--raw')).stdout)
  }

  day(ids: readonly string[]): Day {
    const perTask = new Map<string, number>(ids.map((id) => [id, 0]))
    let shared = 0
    // A whole answer about one task is that task's; of an answer about many, each line.
    for (const text of this.#read)
      for (const part of naming(ids, text).length === 1 ? [text] : text.split(/(?<=\n)/)) {
        const [id, ...more] = naming(ids, part)
        if (id !== undefined && more.length === 0) perTask.set(id, (perTask.get(id) ?? 0) + tokensOf(part))
        else shared += tokensOf(part)
      }
    for (const [id, tokens] of perTask) perTask.set(id, Math.round(tokens + shared / ids.length))
    return {
      perTask,
      total: this.#read.reduce((sum, text) => sum + tokensOf(text), 0),
      statusLine: this.#longest.status,
      newsLine: this.#longest.news,
      wakes: this.#wakes,
      naive: this.#naive,
    }
  }
}

const tokensOf = (text: string): number => encode(text).length

const naming = (ids: readonly string[], text: string): string[] => ids.filter((id) => text.includes(id))

function specOf(box: Sandbox, title: string, fate: Fate, text?: string): string {
  const id = idOf(title)
  const commit = (...files: string[]) => ({
    run: `touch ${files.join(' ')} && git add -A && git commit -qm '${title}'`,
  })
  const done = { say: 'It is done, and the tests pass.' }
  const body = {
    error: {
      type: 'usage_limit_reached',
      message: 'The usage limit has been reached',
      resets_at: Math.ceil(Date.now() / 1000) + 6,
    },
  }
  const ask = `dirigent ask 'Two formats are in use. Which one is to stay?' --option ISO --option RFC`
  const scripts: Readonly<Record<Fate, unknown>> = {
    merges: [commit(`${id}.txt`), done],
    // Whether its thread is resumed or it begins anew, it goes on after the question.
    asks: {
      attempts: [
        [{ run: ask }, { say: 'I have asked.', end: true }, commit(`${id}.txt`), done],
        [commit(`${id}.txt`), done],
      ],
    },
    fails: {
      attempts: [
        [commit(`${id}.txt`), done],
        [commit('fixed.txt'), done],
      ],
    },
    limited: { attempts: [[{ status: 429, body }], [commit(`${id}.txt`), done]] },
  }
  const front = fate === 'fails' ? { title, attempts: 1, verify: ['ls fixed.txt'] } : { title }
  return box.spec(front, scripts[fate], text)
}
