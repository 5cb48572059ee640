/**
 * The whole of it, as it is meant: a person's one sentence to the real Claude Code, which has read the skill; two tasks
 * from spec to merged by the real codex, which is told a rule of the person's, with a question answered on the way; and
 * everything killed in the middle, after which a new session begins cold and finishes. Only the two models are scripted,
 * and the orchestrator's knows nothing but the skill and what the verbs print.
 */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { verbRules } from '../../lib/flows/init/permissions.ts'
import { claude } from '../scripted-claude/claude.ts'
import { type Ask, type Reply, type ScriptedClaude, startScriptedClaude } from '../scripted-claude/server.ts'
import { run, say } from '../scripted-model/scenario.ts'
import { makeSandbox, root, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, landed } from '../support/tasks.ts'

let box: Sandbox
let orchestrator: ScriptedClaude
beforeEach(async () => {
  box = await makeSandbox({ config: { supervise: { every_seconds: 1 } } })
  // As an installed package has it.
  const bin = join(box.directory, 'bin')
  mkdirSync(bin)
  symlinkSync(join(root, 'bin', 'dirigent'), join(bin, 'dirigent'))
  box.env.PATH = `${box.env.PATH}:${bin}`
  box.model.set('default', ({ prompt }) => worker(prompt))
  orchestrator = await startScriptedClaude(decide)
})
afterEach(async () => {
  await orchestrator.close()
  await box.close()
})

/** Makes the file that its spec names; for the farewell it has to know the language. */
function worker(prompt: string) {
  const make = (file: string, text: string) => [
    run(`echo '${text}' > ${file} && git add ${file} && git commit -qm "Add ${file}"`),
    say(`${file} is there.`),
  ]
  if (prompt.includes('greeting.txt')) return make('greeting.txt', 'Hello')
  const language = /In (French|German), please/.exec(prompt)?.[1]
  if (language) return make('farewell.txt', language === 'French' ? 'Adieu' : 'Lebewohl')
  return [run("dirigent ask 'In which language?'"), say('I have asked.')]
}

const spec = (id: string, file: string, what: string) =>
  `dirigent spawn ${id} --spec - <<'END'
---
title: Add ${file}
paths: ["${file}"]
verify: ["test -s ${file}"]
---
What: ${what}
Accept when: ${file} is not empty.
END`

/** What an orchestrator does who follows the skill. Everything it knows is in its conversation. */
function decide({ said, results }: Ask): Reply {
  const bash = (command: string): Reply => ({ tool: 'Bash', input: { command, timeout: 120_000 } })
  const last = results.at(-1)
  if (results.length > 30) throw new Error('it goes round in circles')
  if (!last) return { tool: 'Skill', input: { skill: 'dirigent' } }
  const status = results.find(({ input }) => input.command === 'dirigent status')
  // Cold start: the world by the files.
  if (!status) return bash('dirigent status')
  const isNew = status.text.startsWith('no tasks yet')
  const did = (start: string) => results.some(({ input }) => String(input.command).startsWith(start))
  if (isNew && said.some((text) => text.includes('greeting and a farewell'))) {
    if (!did('dirigent lesson')) return bash(`dirigent lesson add '${rule}' --from person`)
    if (!did('dirigent spawn greeting')) return bash(spec('greeting', 'greeting.txt', 'say hello'))
    if (!did('dirigent spawn farewell'))
      return bash(spec('farewell', 'farewell.txt', 'say good-bye, in a language that you ask for'))
  }
  // A question, as `status` or `wait` put it: the person has said which language.
  const question = /^! +(\S+).*In which language/m.exec(last.text)?.[1]
  if (question) return bash(`dirigent send ${question} 'In French, please.'`)
  if (/^(?:.* · )?all settled/m.test(last.text)) return { say: 'Both are merged.' }
  const cursor = [...results].reverse().flatMap(({ text }) => /--since (\S+)/.exec(text)?.[1] ?? [])[0]
  return bash(`dirigent wait${cursor ? ` --since ${cursor}` : ''} --timeout 90s`)
}

const rule = 'A file of text ends with a line break.'
const wish = `I want a greeting and a farewell in this repository; the farewell in French. From now on: ${rule}`

it('takes a wish to two merged changes, a question answered, without one prompt for permission', {
  timeout: 240_000,
}, async () => {
  const ran = await claude(box, orchestrator, wish)
  expect(orchestrator.problems).toEqual([])
  expect(ran.exitCode, ran.stderr).toBe(0)
  const end = ran.events.at(-1)
  expect(end).toMatchObject({
    type: 'result',
    is_error: false,
    result: 'Both are merged.',
    permission_denials: [],
  })
  await bothMerged()
  onlyAllowed()
})

it('starts cold after everything was killed, and finishes', { timeout: 240_000 }, async () => {
  const killed = new AbortController()
  const first = claude(box, orchestrator, wish, [], killed.signal)
  // In the middle: both are spawned, and it waits.
  await until('both spawned', () => orchestrator.asks.some(({ results }) => results.length >= 5))
  await box.killAll()
  killed.abort()
  expect((await first).exitCode).not.toBe(0)
  await box.killAll()
  const second = await claude(box, orchestrator, 'Go on where you were.')
  expect(second.events.at(-1)).toMatchObject({
    is_error: false,
    result: 'Both are merged.',
    permission_denials: [],
  })
  await bothMerged()
})

async function bothMerged(): Promise<void> {
  expect(await box.git('show', 'main:greeting.txt')).toBe('Hello')
  expect(await box.git('show', 'main:farewell.txt')).toBe('Adieu')
  for (const id of ['greeting', 'farewell']) {
    expect(box.status(id).state).toBe('merged')
    expect(await landed(box, id)).toHaveLength(1)
    expect(attemptFile(box, id, 1, 'prompt.md')).toContain(`\n- ${rule}\n`)
  }
  expect(existsSync(join(box.repo, 'farewell.txt'))).toBe(true)
}

/** Of the commands that it ran, each is one that the skill names and that `init` has allowed. */
function onlyAllowed(): void {
  const rules = verbRules().map((rule) => rule.slice('Bash('.length, -':*)'.length))
  const commands = orchestrator.asks
    .at(-1)
    ?.results.filter(({ tool }) => tool === 'Bash')
    .map(({ input }) => String(input.command))
  expect(commands?.length).toBeGreaterThan(4)
  expect(commands?.filter((command) => !rules.some((rule) => command.startsWith(rule)))).toEqual([])
  expect(orchestrator.asks.at(-1)?.results.filter(({ isError }) => isError)).toEqual([])
}
