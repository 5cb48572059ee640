/** How a proved change gets into the base, what keeps it out, and what a worker cannot do to the base. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import { type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, landed, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({ max_workers: 4, stop_grace_seconds: 1 }, (made) => {
  box = made
})

const done = { say: 'done' }
const commit = (file: string, content = file) => ({
  run: `printf '%s\\n' '${content}' > ${file} && git add ${file} && git commit -qm 'change ${file}'`,
})
/** The worker stays in its turn until the test has changed something. */
const wait = { run: 'while ! test -f ../../../go-on; do sleep 0.1; done' }
const goOn = () => box.write('go-on', '')
const waits = (id: string) =>
  until('the worker to wait', () => box.status(id).activity?.what?.includes('go-on'))
const head = (ref = 'HEAD') => box.git('rev-parse', ref)

/** The state directory and the go-on file are nobody's business here. */
async function expectClean() {
  expect(await box.git('status', '--porcelain', '--untracked-files=no')).toBe('')
}

describe('landing', () => {
  it('rebases onto a base that moved meanwhile, and checks what that made', async () => {
    box.write('wanted.txt', 'one\n')
    await box.commit('wanted')
    await spawnTask(box, 'behind', { verify: ['cat wanted.txt; ls'] }, [commit('a.txt'), wait, done])
    await waits('behind')
    box.write('wanted.txt', 'two\n')
    await box.git('commit', '-qam', 'by a person')
    const person = await head()
    goOn()
    expect(await settled(box, 'behind')).toMatchObject({ state: 'merged', attempt: 1 })
    expect(await head('HEAD^')).toBe(person)
    expect(attemptFile(box, 'behind', 1, 'checks/1.log')).toContain('one\n')
    expect(attemptFile(box, 'behind', 1, 'landing-checks/1.log')).toContain('two\n')
    expect(box.read('a.txt')).toBe('a.txt\n')
    await expectClean()
  })

  it('sends a change back that passed alone and fails on the new base', async () => {
    const verify = ['test "$(cat *.num | wc -l)" -le 2 || { echo too many numbers; exit 1; }']
    box.write('one.num', '1\n')
    await box.commit('one')
    await spawnTask(
      box,
      'broken-there',
      { verify },
      {
        attempts: [
          [commit('mine.num'), wait, done],
          [{ run: 'git rm -q one.num && git commit -qm "room for mine"' }, done],
        ],
      },
    )
    await waits('broken-there')
    box.write('two.num', '2\n')
    await box.git('add', 'two.num')
    await box.git('commit', '-qm', 'two')
    goOn()
    expect(await settled(box, 'broken-there')).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
    expect(attemptFile(box, 'broken-there', 2, 'prompt.md')).toContain(
      'failed on the commit rebased for landing',
    )
    expect(attemptFile(box, 'broken-there', 2, 'prompt.md')).toContain('too many numbers')
    // The rebase has given the first commit another name; who made it is still known.
    expect(
      (await landed(box, 'broken-there')).map((message) => /Dirigent-Attempt: (\d)/.exec(message)?.[1]),
    ).toEqual(['2', '1'])
  })

  it('tells the next attempt which files conflict, and merges what it makes of them', async () => {
    box.write('shared.txt', 'base\n')
    await box.commit('shared')
    await spawnTask(
      box,
      'clashing',
      {},
      {
        attempts: [
          [commit('shared.txt', 'mine'), wait, done],
          [
            { run: 'while ! test -f ../../../mend; do sleep 0.1; done' },
            {
              run: 'git rebase main; echo both > shared.txt; git add -A; GIT_EDITOR=true git rebase --continue',
            },
            done,
          ],
        ],
      },
    )
    await waits('clashing')
    box.write('shared.txt', 'theirs\n')
    await box.git('commit', '-qam', 'theirs')
    goOn()
    await until('the conflict', () => box.status('clashing').failure?.class === 'conflict')
    box.write('mend', '')
    expect(await settled(box, 'clashing')).toMatchObject({
      state: 'merged',
      attempt: 2,
      tries: 1,
      failure: null,
    })
    const prompt = attemptFile(box, 'clashing', 2, 'prompt.md')
    expect(prompt).toMatch(/conflicts with main .* in shared\.txt\n\n```\nRebase [\s\S]*\nshared\.txt\n```/)
    expect(box.read('shared.txt')).toBe('both\n')
    await expectClean()
  })

  it('leaves a dirty main checkout alone, asks, and lands when told to', async () => {
    await spawnTask(box, 'blocked', {}, [wait, commit('b.txt'), done])
    await waits('blocked')
    box.write('README.md', '# In the middle of something\n')
    const before = await head()
    goOn()
    const status = await settled(box, 'blocked')
    expect(status).toMatchObject({ state: 'landing', change: { state: 'ready' } })
    expect(await head('main')).toBe(before)
    expect(box.read('README.md')).toBe('# In the middle of something\n')
    expect(existsSync(join(box.repo, 'b.txt'))).toBe(false)
    const shown = await box.json('status', 'blocked')
    expect(shown.json.data.task.attention).toMatch(
      /^commit or stash README\.md in the main checkout, then: dirigent land/,
    )
    expect(shown.json.next).toEqual(['dirigent land blocked'])
    // Still dirty: said at once, and nothing is started or lost.
    const { error, next } = (await box.json('land', 'blocked')).json
    expect(error).toMatchObject({
      code: 'checkout-in-the-way',
      message: 'blocked cannot land: README.md in the main checkout has uncommitted changes',
    })
    expect(next).toEqual(['dirigent land blocked'])
    expect(box.status('blocked')).toEqual(status)

    await box.git('commit', '-qam', 'finished it')
    expect((await box.json('land', 'blocked')).exitCode).toBe(0)
    expect(await settled(box, 'blocked')).toMatchObject({ state: 'merged' })
    expect(box.read('b.txt')).toBe('b.txt\n')
    expect(box.read('README.md')).toBe('# In the middle of something\n')
    await expectClean()
  })

  it('leaves settings, lessons and the skill as somebody has edited them, and is not held up by them', async () => {
    await spawnTask(box, 'beside-edits', {}, [commit('beside-edits.txt'), wait, done])
    const skill = '.claude/skills/dirigent/SKILL.md'
    const lesson = '.orchestrator-state/lessons/a-rule.md'
    await waits('beside-edits')
    box.write(lesson, 'A rule.\n')
    await box.git('add', lesson)
    box.write(skill, `${box.read(skill)}\nOne line more.\n`)
    goOn()
    const before = await box.git('status', '--porcelain')
    expect(before).toContain(`M ${skill}`)
    expect(await settled(box, 'beside-edits')).toMatchObject({ state: 'merged' })
    expect(box.read('beside-edits.txt')).toBe('beside-edits.txt\n')
    expect(await box.git('status', '--porcelain')).toBe(before)
    expect(box.read(skill)).toMatch(/\nOne line more\.\n$/)
    await box.git('reset', '--hard', '--quiet')
  })

  it('does not overwrite an untracked file of the main checkout', async () => {
    await spawnTask(box, 'in-the-way', {}, [commit('notes.txt'), wait, done])
    await waits('in-the-way')
    box.write('notes.txt', 'private notes\n')
    const before = await head()
    goOn()
    const status = await settled(box, 'in-the-way')
    expect(status).toMatchObject({ state: 'landing', change: { state: 'ready' } })
    expect(status.reason).toContain('notes.txt')
    expect(box.read('notes.txt')).toBe('private notes\n')
    expect(await head('main')).toBe(before)
    rmSync(join(box.repo, 'notes.txt'))
    await box.json('land', 'in-the-way')
    expect(await settled(box, 'in-the-way')).toMatchObject({ state: 'merged' })
    expect(box.read('notes.txt')).toBe('notes.txt\n')
  })

  it('moves the base and nothing else when the main checkout is on another branch', async () => {
    await spawnTask(box, 'elsewhere', {}, [wait, commit('e.txt'), done])
    await spawnTask(box, 'beside', {}, [
      { run: 'while ! test -f ../../../go-on-too; do sleep 0.1; done' },
      commit('beside.txt'),
      done,
    ])
    for (const id of ['elsewhere', 'beside']) await waits(id)
    await box.git('switch', '-qc', 'mine')
    box.write('README.md', '# Being edited\n')
    const before = await head()
    goOn()
    expect(await settled(box, 'elsewhere')).toMatchObject({ state: 'merged' })
    // The landing of one is not taken for a doing of the other's worker.
    box.write('go-on-too', '')
    expect(await settled(box, 'beside')).toMatchObject({ state: 'merged', flags: [] })
    expect(await head()).toBe(before)
    expect(await box.git('symbolic-ref', '--short', 'HEAD')).toBe('mine')
    expect(box.read('README.md')).toBe('# Being edited\n')
    expect(existsSync(join(box.repo, 'e.txt'))).toBe(false)
    expect(await box.git('ls-tree', '--name-only', 'main', 'e.txt', 'beside.txt')).toBe('beside.txt\ne.txt')
  })

  it('lands a branch that merged the base into itself as one commit with the resolution', async () => {
    box.write('shared.txt', 'base\n')
    await box.commit('shared')
    await spawnTask(box, 'merging', {}, [
      commit('shared.txt', 'mine'),
      wait,
      { run: 'git merge -q main; echo resolved > shared.txt; git add -A && git commit -qm merged' },
      commit('more.txt'),
      done,
    ])
    await waits('merging')
    box.write('shared.txt', 'theirs\n')
    await box.git('commit', '-qam', 'theirs')
    const person = await head()
    goOn()
    expect(await settled(box, 'merging')).toMatchObject({ state: 'merged', attempt: 1 })
    expect(box.read('shared.txt')).toBe('resolved\n')
    expect(box.read('more.txt')).toBe('more.txt\n')
    expect(await head('HEAD^')).toBe(person)
    expect(await landed(box, 'merging')).toHaveLength(1)
    await expectClean()
  })

  it('keeps author, date and message, and adds trailers with the attempt that made each commit', async () => {
    const author =
      'GIT_AUTHOR_NAME="Ada L" GIT_AUTHOR_EMAIL=ada@example.invalid GIT_AUTHOR_DATE="2020-02-02T02:02:02+0200"'
    await spawnTask(
      box,
      'authored',
      { verify: ['test -f b.txt'] },
      {
        attempts: [
          [
            {
              run: `echo 1 > a.txt && git add a.txt && ${author} git commit -qm 'Add a\n\nWith a body.\n\nReviewed-by: Somebody <s@example.invalid>\nDirigent-Task: forged'`,
            },
            done,
          ],
          [commit('b.txt'), done],
        ],
      },
    )
    expect(await settled(box, 'authored')).toMatchObject({ state: 'merged', attempt: 2 })
    expect(await box.git('log', '-1', '--format=%an|%ae|%ad|%B', '--date=iso-strict', 'HEAD^')).toBe(
      'Ada L|ada@example.invalid|2020-02-02T02:02:02+02:00|Add a\n\nWith a body.\n\nReviewed-by: Somebody <s@example.invalid>\nDirigent-Task: authored\nDirigent-Attempt: 1\nWorker: codex gpt-5.5\n',
    )
    expect(await box.git('log', '-1', '--format=%(trailers)')).toBe(
      'Dirigent-Task: authored\nDirigent-Attempt: 2\nWorker: codex gpt-5.5\n',
    )
  })

  it('lands three tasks that ran side by side, one on top of the other', async () => {
    const ids = ['side-a', 'side-b', 'side-c']
    for (const id of ids)
      await spawnTask(box, id, { verify: [`test -f ${id}.txt`] }, [wait, commit(`${id}.txt`), done])
    for (const id of ids) await waits(id)
    goOn()
    await settled(box, ...ids)
    expect(ids.map((id) => box.status(id).state)).toEqual(['merged', 'merged', 'merged'])
    for (const id of ids) expect(box.read(`${id}.txt`)).toBe(`${id}.txt\n`)
    expect(await box.git('log', '--merges', '--oneline')).toBe('')
    expect(
      (await box.git('log', '-3', '--format=%(trailers:key=Dirigent-Task,valueonly,separator=)'))
        .split('\n')
        .sort(),
    ).toEqual(ids)
    // None of them takes another's landing for a worker's doing.
    for (const id of ids) expect(box.status(id).flags).toEqual([])
    await expectClean()
  })
})

describe('a branch that is not the worker’s', () => {
  it.each([
    ['moved by update-ref', 'git update-ref refs/heads/main HEAD'],
    ['moved by a push', 'git push -q . HEAD:main'],
    ['moved by a forced branch', 'git branch -f main HEAD; git update-ref refs/heads/main HEAD~0'],
    ['deleted', 'git update-ref -d refs/heads/main'],
  ])('is put back when it was %s, and the task says so', async (what, command) => {
    const before = await head('main')
    await spawnTask(box, 'mover', { verify: ['false'], attempts: 1 }, [
      commit('sneaky.txt'),
      { run: command },
      done,
    ])
    const status = await settled(box, 'mover')
    expect(status.state).toBe('failed')
    expect(await head('main')).toBe(before)
    // git itself refuses to push to the branch that is checked out.
    if (!what.includes('push'))
      expect(status.flags).toEqual([expect.stringMatching(/^main had been (?:moved|deleted).*; put back to/)])
    if (what.includes('update-ref'))
      expect(trailOf(box, 'mover')).toContainEqual(
        expect.objectContaining({
          type: 'kept',
          text: expect.stringContaining('is what main had been moved to'),
        }),
      )
    expect(existsSync(join(box.repo, 'sneaky.txt'))).toBe(false)
    await expectClean()
  })

  it('is put back too when the configuration protects it', async () => {
    box.configure({ protected: ['release/*'] })
    await box.git('commit', '-qam', 'protect')
    await box.git('branch', 'release/1')
    await box.git('branch', 'scratch')
    const before = await head('release/1')
    await spawnTask(box, 'releaser', {}, [
      commit('r.txt'),
      { run: 'git push -q . HEAD:release/1 HEAD:scratch' },
      done,
    ])
    const status = await settled(box, 'releaser')
    expect(status).toMatchObject({
      state: 'merged',
      flags: [expect.stringContaining('release/1 had been moved')],
    })
    expect(await head('release/1')).toBe(before)
    expect(await head('scratch')).not.toBe(before)
  })

  it('is left alone when its owner committed in the main checkout meanwhile', async () => {
    await spawnTask(box, 'neighbour', {}, [commit('n.txt'), wait, done])
    await waits('neighbour')
    box.write('person.txt', 'mine\n')
    await box.git('add', 'person.txt')
    await box.git('commit', '-qm', 'a person works here too')
    const person = await head()
    goOn()
    expect(await settled(box, 'neighbour')).toMatchObject({ state: 'merged', flags: [] })
    expect(await head('HEAD^')).toBe(person)
    expect(box.read('person.txt')).toBe('mine\n')
  })
})
