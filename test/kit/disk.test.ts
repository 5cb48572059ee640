import { expect, it } from 'vitest'
import { diskTrouble } from '../../lib/kit/disk.ts'
import { Failure } from '../../lib/kit/errors.ts'

const systemError = (code: string, more: object = {}) =>
  Object.assign(new Error(`${code}: refused`), { code, ...more })

it('takes a full or failing disk for what it is, wherever it shows, and names the file when that is known', () => {
  expect(diskTrouble(systemError('ENOSPC', { path: '/a/b' }))).toMatchObject({
    code: 'disk-full',
    message: expect.stringContaining('/a/b'),
    hint: expect.stringContaining('df /a'),
    retryable: true,
  })
  for (const code of ['EDQUOT', 'EFBIG'])
    expect(diskTrouble(systemError(code))).toMatchObject({ code: 'disk-full' })
  expect(diskTrouble(systemError('EIO'))).toMatchObject({ code: 'disk-failed', retryable: true })
})

it('takes nothing else for trouble of the disk', () => {
  const full = new Failure('disk-full', 'full', { hint: 'df' })
  expect(diskTrouble(full)).toBe(full)
  for (const other of [
    systemError('ENOENT'),
    systemError('EACCES'),
    new Error('a bug'),
    new Failure('git-failed', 'no', { hint: 'again' }),
    null,
  ])
    expect(diskTrouble(other)).toBeNull()
})
