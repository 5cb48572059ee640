/** A worker that does in a blink what the real one does in seconds: for proofs that are about something else. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from '../support/sandbox.ts'

/**
 * Takes its prompt, commits a file of the task's name where a change is wanted, says what it did and ends its
 * turn. Gives the path for `codex.path`. A task `review-…` changes what waits for a review; a task `hang-…`
 * hangs until there is a file `go-<task>` in the sandbox.
 * @param commits false: it changes nothing, for tasks that want a report
 */
export function stubWorker(box: Sandbox, commits = true): string {
  const path = join(box.directory, commits ? 'stub-worker' : 'stub-reporter')
  const commit = `mkdir -p "$d" && echo "$DIRIGENT_TASK" > "$d/$DIRIGENT_TASK.txt" && git add -A && git commit -qm "add $DIRIGENT_TASK.txt"`
  const go = join(box.directory, 'go-')
  // What steers CI waits for a review; one that is to hang does so until there is a file that lets it go.
  const choose = [
    'd=made; case $DIRIGENT_TASK in review-*) d=.github/workflows ;; esac',
    `case $DIRIGENT_TASK in hang-*) test -e ${go}"$DIRIGENT_TASK" || exec tail -f /dev/null ;; esac`,
  ]
  const events = [
    { type: 'thread.started', thread_id: '00000000-0000-4000-8000-000000000000' },
    { type: 'turn.started' },
    { type: 'item.completed', item: { id: 'item_0', type: 'agent_message', text: 'done' } },
    {
      type: 'turn.completed',
      usage: { input_tokens: 1000, cached_input_tokens: 0, output_tokens: 100, reasoning_output_tokens: 0 },
    },
  ]
  const said = events.map((event) => `echo '${JSON.stringify(event)}'`)
  const script = [
    '#!/bin/sh',
    'test "$1" = --version && exec echo codex-cli 1.0.0',
    // Asked about hooks it has no answer; one that kept silent doctor would wait for, 15 s each time.
    'test "$1" = app-server && exit 1',
    'cat > /dev/null',
    // Asked on the side it belongs to no task and changes nothing.
    `test -n "$DIRIGENT_TASK" || { ${said.join('; ')}; exit; }`,
    ...choose,
    ...(commits ? [`${commit} >&2 || exit 1`] : []),
    ...said,
  ]
  writeFileSync(path, `${script.join('\n')}\n`, { mode: 0o755 })
  return path
}
