/** A worker writes down where it is, for the attempt that may have to go on from there. */
import { isatty } from 'node:tty'
import { Failure } from '../kit/errors.ts'
import { checkpointLimit, checkpointProblem } from '../rules/checkpoint.ts'
import { replaceCheckpoint } from '../state/checkpoints.ts'
import { ownTask } from './own-task.ts'
import { readSource } from './source.ts'

const how = 'dirigent checkpoint <<END … END, or dirigent checkpoint --file FILE'
const shape = 'Markdown with the sections ## Done, ## Now, ## Next and ## Notes (which alone may be empty)'

export interface Noted {
  readonly task: string
  readonly path: string
  readonly bytes: number
  readonly limit: number
  /** False when it was there already. */
  readonly changed: boolean
}

/** @param file null: stdin */
export async function checkpoint(file: string | null): Promise<Noted> {
  const { task } = await ownTask('checkpoint')
  const text = await readText(file)
  const changed = replaceCheckpoint(task.paths, text)
  return {
    task: task.id,
    path: task.paths.checkpoint,
    bytes: Buffer.byteLength(text),
    limit: checkpointLimit,
    changed,
  }
}

async function readText(file: string | null): Promise<string> {
  if (file === null && isatty(0))
    throw new Failure('usage', 'dirigent checkpoint reads the checkpoint from stdin, which is a terminal', {
      hint: `Type ${how}: ${shape}.`,
    })
  const wanted = {
    limit: checkpointLimit,
    bad: 'bad-checkpoint',
    missing: 'checkpoint-not-found',
    hint: `Name the checkpoint: ${how}.`,
    name: 'Name a Markdown file',
    how,
  } as const
  return await readSource(file ?? '-', wanted, checked)
}

function checked(bytes: Buffer, name: string): string {
  if (bytes.length > checkpointLimit)
    throw bad(
      `${name} is longer than ${checkpointLimit} bytes, which is the most for a checkpoint`,
      'Say what is done in fewer words; what is committed need not be told in full.',
    )
  if (bytes.includes(0)) throw bad(`${name} is not text: it holds a NUL byte`)
  const problem = checkpointProblem(decoded(bytes, name))
  if (problem) throw bad(`${name} is no checkpoint: ${problem}`)
  return decoded(bytes, name)
}

function decoded(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n')
  } catch (error) {
    if (error instanceof TypeError) throw bad(`${name} is not UTF-8 text`)
    throw error
  }
}

const bad = (
  message: string,
  hint = `Write ${shape}; "nothing yet" where that is so. Nothing was changed.`,
): Failure => new Failure('bad-checkpoint', message, { hint })
