/**
 * Another revision of a task's spec. It is written beside, under its number in the log; then the status says that it
 * counts; then it takes spec.md's place by a rename. Whoever dies in between leaves either the old spec with the old
 * settings, or a new one that `finishRefinement` moves into place before anybody is told it. What a person edits in
 * spec.md by hand stays: nothing waits in the log then.
 */
import { createHash } from 'node:crypto'
import { Failure } from '../kit/errors.ts'
import { createFileOnce, outOfTheWay, renameDurable, writeFileDurable } from '../kit/files.ts'
import { lookAt } from '../kit/read.ts'
import { readSpec, type Spec } from './spec.ts'
import type { Task } from './tasks.ts'

/** @param change writes the status with the next revision, and gives the task as it is then */
export function refineSpec(task: Task, spec: Spec, change: (revision: number) => Task): Task {
  const { paths, status } = task
  finishRefinement(task)
  const revision = status.spec_revision + 1
  keepSpec(paths.spec, paths.oldSpec(status.spec_revision))
  const pending = paths.oldSpec(revision)
  const there = lookAt(pending)
  if (there && !there.isFile()) outOfTheWay(pending)
  writeFileDurable(pending, spec.text)
  const refined = change(revision)
  finishRefinement(refined)
  return refined
}

/** The caller holds run.lock. */
export function finishRefinement({ paths, status }: Task): void {
  const pending = paths.oldSpec(status.spec_revision)
  if (!lookAt(pending)?.isFile()) return
  if (createHash('sha256').update(readSpec(pending)).digest('hex') !== status.spec_sha256) return
  if (lookAt(paths.spec)?.isDirectory()) outOfTheWay(paths.spec)
  renameDurable(pending, paths.spec)
}

/** What is no spec any more (somebody has put a link there) is moved out of the way; the new one is wanted. */
function keepSpec(path: string, old: string): void {
  try {
    createFileOnce(old, readSpec(path))
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'corrupt-file') throw error
    if (lookAt(path)) outOfTheWay(path)
  }
}
