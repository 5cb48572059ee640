/** Now and then compares what workers do with their specs, and sends a correction: each finding once an attempt. */
import { createHash } from 'node:crypto'
import { Failure } from '../../kit/errors.ts'
import { lookAt, readTail } from '../../kit/read.ts'
import { clean } from '../../kit/text.ts'
import { type Course, driftOf, type Finding } from '../../rules/drift.ts'
import { firstVitals } from '../../rules/stall.ts'
import { post, remarkId } from '../../state/messages.ts'
import { readBody } from '../../state/spec.ts'
import type { Task } from '../../state/tasks.ts'
import { baseTips } from '../../tools/git/refs.ts'
import { touchedFiles } from '../../tools/git/touched.ts'
import { remark } from '../advance.ts'
import { type Context, trustRepository } from '../context.ts'
import { ownPlace } from '../runner/own-place.ts'
import { textsAnyway } from '../texts.ts'
import type { Part } from './part.ts'
import { readVitals, writeVitals } from './signs.ts'

export const drift: Part = {
  name: 'comparing work with specs',
  async run(context, { tasks, alive }) {
    const every = context.config.drift.every * 60_000
    const did: string[] = []
    for (const task of tasks) {
      if (every === 0 || !alive.has(task.id) || !isDue(task, every)) continue
      for (const finding of await findingsOf(context, task, every))
        if (correct(context, task, finding)) did.push(`${task.id} was told: ${finding.short}`)
      noteLook(task)
    }
    return did
  },
}

function isDue(task: Task, every: number): boolean {
  const { worker, state } = task.status
  if (state !== 'running' || worker === null) return false
  return Date.now() - Date.parse(readVitals(task)?.drift_looked ?? worker.started) >= every
}

/** A worktree or a spec that cannot be read now is looked at the next time. */
async function findingsOf(context: Context, task: Task, every: number): Promise<Finding[]> {
  try {
    return driftOf(await courseOf(context, task, every), textsAnyway(context))
  } catch (error) {
    if (error instanceof Failure) return []
    throw error
  }
}

async function courseOf(context: Context, task: Task, every: number): Promise<Course> {
  const { title, settings, worker } = task.status
  const started = Date.parse(worker?.started ?? task.status.since)
  return {
    title,
    body: readBody(task.paths.spec),
    paths: settings.paths,
    touched: await touchedBy(context, task),
    checkpoint: checkpointOf(task, started),
    age: Date.now() - started,
    every,
  }
}

/** Costs a look at every file, so it is not done where any file may be changed. */
async function touchedBy(context: Context, task: Task): Promise<readonly string[]> {
  const { settings } = task.status
  const workplace = ownPlace(context, task)
  if (!workplace || settings.paths.length === 0 || settings.change === 'none') return []
  await trustRepository(context, () => true)
  const { fresh } = await baseTips(context.repo, settings.base)
  const files = await touchedFiles(context.repo, workplace, fresh)
  return files.filter((file) => !workplace.included.includes(file))
}

const mostOfCheckpoint = 16 * 1024

function checkpointOf({ paths }: Task, started: number): Course['checkpoint'] {
  const there = lookAt(paths.checkpoint)
  if (!there?.isFile()) return null
  const text = clean(readTail(paths.checkpoint, mostOfCheckpoint).toString())
  return { text, ofThisAttempt: there.mtimeMs >= started }
}

/** False when it was said before. */
function correct(context: Context, task: Task, { key, short, text }: Finding): boolean {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 10)
  const id = remarkId('drift', task.status.attempt, hash)
  if (post(task.paths, { id, from: 'supervisor', kind: 'note', text }) !== 'posted') return false
  remark(context, task, 'nudge', `${short} (message ${id})`)
  return true
}

function noteLook(task: Task): void {
  const { worker, since } = task.status
  const now = Date.now()
  const known = readVitals(task) ?? firstVitals(worker?.started ?? since, { cpu: null }, now)
  writeVitals(task, { ...known, drift_looked: new Date(now).toISOString() })
}
