/** A task as it is when it has just been made: queued, nothing tried, nothing used. Pure. */
import { noUsage } from './schema/common.ts'
import type { Status } from './schema/status.ts'

export type NewTask = Pick<Status, 'id' | 'title' | 'settings' | 'spec_sha256' | 'created'>

export function newStatus(task: NewTask): Status {
  return {
    version: 1,
    ...task,
    state: 'queued',
    reason: 'new',
    since: task.created,
    spec_revision: 1,
    workplace: null,
    attempt: 0,
    epoch: 0,
    tries: 0,
    lost: 0,
    limited: 0,
    mailed: 0,
    told_revision: 0,
    resume: null,
    runner: null,
    worker: null,
    activity: null,
    usage: noUsage,
    minutes: 0,
    question: null,
    asked: null,
    change: null,
    flags: [],
    failure: null,
    not_before: null,
  }
}
