/**
 * A person saves files in an editor's ways, many times a second, while verbs read them: nothing is called
 * invalid because a save is under way, every valid edit counts, an invalid one is named and left as it is.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { makeSandbox, type Ran, type Sandbox, until } from '../support/sandbox.ts'
import { spawnTask } from '../support/tasks.ts'
import { callVerb } from './calling.ts'
import { complaints } from './clean.ts'
import { type Play, pick, type Row, randomness, type Scenario } from './scenario.ts'
import { stubWorker } from './stub.ts'

export const scenario: Scenario = { name: 'editing', unit: 'saves', short: 45, long: 2000, play }

/** A save takes so many milliseconds at most, from the file's first change to its last. */
const longestSave = 50
/** One that took this long on a crowded machine is not one that an editor would make: what was read then is not counted. */
const tooLong = 90

async function play({ rounds, seed, say }: Play): Promise<readonly Row[]> {
  const box = await makeSandbox({ config: { attempts: 1 } })
  try {
    const desk = await sitDown(box)
    const person = new Person(desk, randomness(seed))
    const readers = [readWhile(person, desk), readWhile(person, desk), peek(person, desk)] as const
    let counted = 0
    let tried = 0
    for (let n = 1; n <= rounds; n++) {
      await person.save(n)
      // Whether it counts is looked at now and then, in a pause: what is on the disk is then known.
      if (n % 15 !== 0 && n !== rounds) continue
      tried += 1
      if (await everyEditCounts(box, desk, n)) counted += 1
      else say(`an edit does not count: ${n}`)
    }
    person.done = true
    const [one, two, torn] = await Promise.all(readers)
    const alarms = [...one.alarms, ...two.alarms]
    for (const alarm of alarms.slice(0, 5)) say(alarm)
    const reported = await invalidEdits(box, desk)
    for (const line of reported.wrong) say(line)
    const running = desk.working.filter(
      (id) => box.status(id).state === 'running' && box.status(id).attempt === 1 && box.status(id).lost === 0,
    )
    for (const id of [...desk.working, 'edited', 'refined']) await box.verb('stop', id, '--cancel')
    const left = await complaints(box)
    return [
      {
        what: `${rounds} saves (by renaming, in two writes, by deleting first): reads that called a file invalid or missing`,
        figure: `${alarms.length} of ${one.reads + two.reads} (${person.slow} saves took over ${tooLong} ms)`,
        baseline: `plain reads: ${torn.alarms.length} of ${torn.reads}`,
        goal: '0',
        met: alarms.length === 0 && one.reads + two.reads > 0,
      },
      {
        what: 'valid edits of config.yaml, status.json and a spec that counted, of those looked at',
        figure: `${counted} of ${tried}`,
        goal: 'all',
        met: counted === tried && tried > 0,
      },
      {
        what: 'invalid edits that were named with their place and left as they were',
        figure: `${reported.named} of ${reported.tried}`,
        goal: 'all',
        met: reported.named === reported.tried,
      },
      {
        what: 'tasks at work that went on through it all',
        figure: `${running.length} of ${desk.working.length}`,
        goal: 'all',
        met: running.length === desk.working.length,
      },
      {
        what: 'what doctor --strict finds afterwards',
        figure: left.length === 0 ? '0' : `${left.length}: ${left[0]}`,
        goal: '0',
        met: left.length === 0,
      },
    ]
  } finally {
    await box.close()
  }
}

/** The files that are edited, what is in them after save n, and the tasks beside. */
interface Desk {
  readonly box: Sandbox
  readonly config: string
  readonly status: string
  readonly spec: string
  readonly text: (file: string, n: number) => string
  readonly working: readonly string[]
}

async function sitDown(box: Sandbox): Promise<Desk> {
  const codex = { config: box.model.codexConfig(), path: stubWorker(box) }
  const working = ['hang-1', 'hang-2']
  box.configure({ codex, attempts: 1, max_workers: working.length })
  for (const id of working) await spawnTask(box, id, {}, [])
  await until('workers', () => working.every((id) => box.status(id).worker))
  const spec = join(box.directory, 'saved.md')
  // Both wait: for a place among the workers.
  await spawnTask(box, 'edited', {}, [])
  await spawnTask(box, 'refined', {}, [])
  await box.verb('stop', 'edited')
  const config = join(box.state, 'config.yaml')
  const status = join(box.task('edited'), 'status.json')
  const { version: _, ...settings } = parse(readFileSync(config, 'utf8'))
  const record = JSON.parse(readFileSync(status, 'utf8'))
  // Long enough for more than one write.
  const padding = (n: number) =>
    Array.from({ length: 40 }, (_, line) => `# ${n}: line ${line} of a comment`).join('\n')
  const text = (file: string, n: number) =>
    file === config
      ? `version: 1\n${padding(n)}\n${stringify({ ...settings, attempts: 1 + (n % 90) })}`
      : file === status
        ? `${JSON.stringify({ ...record, title: `Edit number ${n}`, flags: [padding(n)] }, null, 2)}\n`
        : `---\ntitle: Spec number ${n}\nattempts: ${1 + (n % 90)}\n---\nDo it.\n${padding(n)}\n`
  for (const file of [config, spec]) writeFileSync(file, text(file, 0))
  return { box, config, status, spec, text, working }
}

/** Saves one file after the other, each as an editor would. */
class Person {
  readonly #desk: Desk
  readonly #random: () => number
  done = false
  slow = 0
  /** When the last save that took too long was over. */
  slowUntil = 0
  /** A save is under way since then. */
  since: number | null = null

  constructor(desk: Desk, random: () => number) {
    this.#desk = desk
    this.#random = random
  }

  async save(n: number): Promise<void> {
    const { config, status, spec, text } = this.#desk
    const pause = () => delay(this.#random() * longestSave)
    for (const file of [config, status, spec]) {
      const content = text(file, n)
      const how = pick(this.#random, ['rename', 'two writes', 'delete'] as const)
      this.since = performance.now()
      if (how === 'rename') {
        writeFileSync(`${file}~`, content)
        renameSync(`${file}~`, file)
      } else if (how === 'two writes') {
        const half = Math.floor(this.#random() * content.length)
        writeFileSync(file, content.slice(0, half))
        await pause()
        writeFileSync(file, content.slice(half), { flag: 'a' })
      } else {
        rmSync(file)
        await pause()
        writeFileSync(file, content)
      }
      if (performance.now() - this.since > tooLong) {
        this.slow += 1
        this.slowUntil = performance.now()
      }
      this.since = null
      await pause()
    }
  }
}

interface Reads {
  reads: number
  readonly alarms: string[]
}

/** What is no answer to the question but a word about a file. */
const alarming = [
  'bad-config',
  'corrupt-file',
  'unknown-version',
  'bad-spec',
  'spec-not-found',
  'task-not-found',
  'worker-not-found',
  'worker-not-logged-in',
]

async function readWhile(person: Person, { box, spec }: Desk): Promise<Reads> {
  const seen: Reads = { reads: 0, alarms: [] }
  const words = [
    ['status'],
    ['status', 'edited'],
    ['log', 'edited'],
    ['respawn', 'refined', '--spec', spec],
    ['wait', '--timeout', '1s'],
    ['spawn', 'refined', '--spec', spec],
    ['diff', 'hang-1'],
  ]
  for (let n = 0; !person.done; n++) {
    const call = words[n % words.length] ?? []
    const began = performance.now()
    const ran = await callVerb(box, [...call, '--json'])
    // A read beside a save that took too long says nothing.
    if (person.slowUntil >= began || (person.since !== null && performance.now() - person.since > tooLong))
      continue
    seen.reads += 1
    const said = ran.wrong.length > 0 ? ran.wrong.join('; ') : alarmIn(ran.stdout)
    if (said) seen.alarms.push(`${call.join(' ')}: ${said}`)
  }
  return seen
}

function alarmIn(stdout: string): string | null {
  const { error, data } = JSON.parse(stdout)
  if (error) return alarming.includes(error.code) ? `${error.code}: ${error.message}` : null
  const broken = data.tasks?.find((task: { state: string }) => task.state === 'corrupt')
  const damaged = data.attention?.find(({ why }: { why: string }) => /is damaged|has no status/.test(why))
  return broken ? `${broken.id}: ${broken.reason}` : (damaged?.why ?? null)
}

/** The same files read plainly: how often somebody who does not look again meets half of one. */
async function peek(person: Person, { config, status }: Desk): Promise<Reads> {
  const seen: Reads = { reads: 0, alarms: [] }
  while (!person.done) {
    for (const [file, read] of [
      [config, (text: string) => parse(text).attempts],
      [status, (text: string) => JSON.parse(text).title],
    ] as const) {
      seen.reads += 1
      try {
        if (read(readFileSync(file, 'utf8')) === undefined) seen.alarms.push('half')
      } catch (error) {
        seen.alarms.push(String(error))
      }
    }
    await delay(9)
  }
  return seen
}

/** What save n wrote is what the verbs go by. */
async function everyEditCounts(box: Sandbox, { spec }: Desk, n: number): Promise<boolean> {
  const shown = await box.json('status', 'edited')
  const refined = await box.json('respawn', 'refined', '--spec', spec)
  const made = await box.json(
    'spawn',
    `made-${n}`,
    '--spec',
    box.spec({ title: 'Made', needs: ['edited'] }, []),
  )
  const ok =
    [shown, refined, made].every((ran) => ran.exitCode === 0) &&
    shown.json.data.task.title === `Edit number ${n}` &&
    refined.json.data.task.title === `Spec number ${n}` &&
    box.status(`made-${n}`).settings.attempts === 1 + (n % 90)
  await box.verb('stop', `made-${n}`, '--cancel')
  return ok
}

/** Edits that are really wrong: each is named with its place, and stays. */
async function invalidEdits(
  box: Sandbox,
  desk: Desk,
): Promise<{ tried: number; named: number; wrong: string[] }> {
  const wrong: string[] = []
  const edits: readonly (readonly [file: string, content: string, words: readonly string[], says: RegExp])[] =
    [
      [desk.config, 'version: 1\n\nmax_workers: many\n', ['status'], /config\.yaml:3: max_workers must be/],
      [desk.config, 'version: 1\nverify: [npm test\n', ['spawn', '--spec', desk.spec], /config\.yaml:[23]: /],
      [
        desk.spec,
        '---\ntitle: A\n\nattempts: x\n---\nDo it.\n',
        ['respawn', 'refined', '--spec', desk.spec],
        /saved\.md:4: attempts must be/,
      ],
      [
        desk.status,
        desk.text(desk.status, 1).replace(/"title": "[^"]*"/, '"title": 5'),
        ['status', 'edited'],
        /status\.json is damaged: title: must be a string/,
      ],
      [desk.status, desk.text(desk.status, 1).slice(0, -20), ['status'], /edited.*status\.json is damaged/s],
    ]
  for (const [file, content, words, says] of edits) {
    const was = readFileSync(file)
    writeFileSync(file, content)
    const [verb = 'status', ...args] = words
    const ran: Ran = await box.json(verb as 'status', ...args)
    const all = await box.verb('status')
    if (!says.test(ran.stdout)) wrong.push(`${words.join(' ')} said ${ran.stdout.slice(0, 300)}`)
    else if (readFileSync(file, 'utf8') !== content) wrong.push(`${file} was overwritten`)
    else if (/^\s+at /m.test(all.stderr)) wrong.push(all.stderr)
    writeFileSync(file, was)
  }
  return { tried: edits.length, named: edits.length - wrong.length, wrong }
}
