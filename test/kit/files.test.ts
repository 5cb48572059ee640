import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { appendLine } from '../../lib/kit/append.ts'
import {
  createFileOnce,
  isTemporaryName,
  makeOwnDirectory,
  openOwn,
  removeTree,
  temporaryName,
  writeFileDurable,
} from '../../lib/kit/files.ts'
import { readBounded, readTail } from '../../lib/kit/read.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-kit-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const at = (name: string) => join(directory, name)
const fifo = (name: string) => execFileSync('mkfifo', [at(name)])

describe('a durable write', () => {
  it('replaces the content and leaves nothing beside it', () => {
    writeFileDurable(at('f'), 'one')
    writeFileDurable(at('f'), 'two')
    expect(readFileSync(at('f'), 'utf8')).toBe('two')
    expect(readdirSync(directory)).toEqual(['f'])
  })

  it('replaces a link itself, and not what it leads to', () => {
    writeFileSync(at('target'), 'precious')
    symlinkSync(at('target'), at('f'))
    writeFileDurable(at('f'), 'new')
    expect(readFileSync(at('target'), 'utf8')).toBe('precious')
    expect(readFileSync(at('f'), 'utf8')).toBe('new')
  })

  it('leaves no temporary file behind when the target is a directory', () => {
    mkdirSync(at('f'))
    expect(() => writeFileDurable(at('f'), 'x')).toThrow()
    expect(readdirSync(directory)).toEqual(['f'])
  })

  it('makes a file exactly once for many who try at once', () => {
    expect([1, 2, 3].map((n) => createFileOnce(at('f'), String(n)))).toEqual([true, false, false])
    expect(readFileSync(at('f'), 'utf8')).toBe('1')
    expect(readdirSync(directory)).toEqual(['f'])
  })

  it('never uses a temporary name twice', () => {
    const names = new Set(Array.from({ length: 1000 }, () => temporaryName(at('f'))))
    expect(names.size).toBe(1000)
    expect(isTemporaryName([...names][0]?.slice(directory.length + 1) ?? '')).toBe(true)
  })
})

const noTmpfs = process.getuid?.() !== 0 || !mounts()

/** May we mount a small file system here? */
function mounts(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'dirigent-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'ignore' })
    execFileSync('umount', [probe])
    return true
  } catch {
    return false
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}

if (noTmpfs) console.log('skipped: the tests of a full disk mount a small tmpfs, which takes root')

describe.skipIf(noTmpfs)('on a full disk', () => {
  let full: string
  beforeEach(() => {
    full = at('full')
    mkdirSync(full)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', full])
    writeFileDurable(join(full, 'f'), 'old\n')
    appendLine(join(full, 'log'), 'first')
  })
  afterEach(() => execFileSync('umount', [full]))

  it('a write that does not fit is an error, and the old content stays', () => {
    const write = () => writeFileDurable(join(full, 'f'), Buffer.alloc(256 * 1024, 'x'))
    expect(write).toThrow(expect.objectContaining({ code: 'disk-full', retryable: true }))
    expect(readFileSync(join(full, 'f'), 'utf8')).toBe('old\n')
    expect(readdirSync(full).sort()).toEqual(['f', 'log'])
    writeFileDurable(join(full, 'f'), 'small again\n')
  })

  it('a file that does not fit is not created', () => {
    const create = () => createFileOnce(join(full, 'new'), Buffer.alloc(256 * 1024, 'x'))
    expect(create).toThrow(expect.objectContaining({ code: 'disk-full' }))
    expect(existsSync(join(full, 'new'))).toBe(false)
  })

  it('a line that does not fit is an error, and spoils only itself', () => {
    const append = () => appendLine(join(full, 'log'), 'y'.repeat(256 * 1024))
    expect(append).toThrow(expect.objectContaining({ code: 'disk-full' }))
    // What was written of it is taken as one broken line; the next one stands alone.
    execFileSync('truncate', ['-s', '1000', join(full, 'log')])
    appendLine(join(full, 'log'), 'second')
    const lines = readFileSync(join(full, 'log'), 'utf8').split('\n')
    expect([lines[0], lines.at(-2), lines.length]).toEqual(['first', 'second', 4])
  })
})

it.skipIf(process.getuid?.() === 0)('says that a directory cannot be written', () => {
  chmodSync(directory, 0o555)
  expect(() => writeFileDurable(at('f'), 'x')).toThrow(expect.objectContaining({ code: 'state-read-only' }))
  chmodSync(directory, 0o755)
})

describe('an appended line', () => {
  it('closes a torn one first', () => {
    writeFileSync(at('log'), '{"a":1}\n{"b":')
    appendLine(at('log'), '{"c":3}')
    expect(readFileSync(at('log'), 'utf8')).toBe('{"a":1}\n{"b":\n{"c":3}\n')
  })

  it('stays whole when many processes append', async () => {
    const script = `
      const { appendLine } = await import(${JSON.stringify(new URL('../../lib/kit/append.ts', import.meta.url).href)})
      for (let n = 0; n < 50; n++) appendLine(process.argv[1], process.argv[2].repeat(2000), { durable: false })`
    const { execa } = await import('execa')
    const tsx = ['--import', 'tsx', '--input-type=module', '-e', script]
    await Promise.all(['a', 'b', 'c'].map((letter) => execa('node', [...tsx, at('log'), letter])))
    const all = readFileSync(at('log'), 'utf8').split('\n')
    // What somebody is just writing can look torn, and gets an empty line behind it.
    const lines = all.filter((line) => line !== '')
    expect(lines).toHaveLength(150)
    expect(lines.every((line) => /^(a{2000}|b{2000}|c{2000})$/.test(line))).toBe(true)
  })

  it.each(['a link', 'a FIFO', 'a directory'])(
    'goes to a new file when there is %s in its place, which is moved aside',
    (kind) => {
      writeFileSync(at('target'), 'precious')
      if (kind === 'a link') symlinkSync(at('target'), at('log'))
      if (kind === 'a FIFO') fifo('log')
      if (kind === 'a directory') mkdirSync(at('log'))
      appendLine(at('log'), 'line')
      expect(statSync(at('log')).isFile()).toBe(true)
      expect(readFileSync(at('log'), 'utf8')).toBe('line\n')
      expect(readFileSync(at('target'), 'utf8')).toBe('precious')
      expect(readdirSync(directory).filter((name) => name.startsWith('.found-'))).toHaveLength(1)
    },
  )
})

describe('a place of ours that something else has taken', () => {
  it('is opened as a new file, not through a link that leads nowhere', () => {
    symlinkSync(at('elsewhere'), at('f'))
    const fd = openOwn(at('f'), constants.O_WRONLY | constants.O_TRUNC)
    writeSync(fd, 'x')
    expect(existsSync(at('elsewhere'))).toBe(false)
    expect(readFileSync(at('f'), 'utf8')).toBe('x')
  })

  it('becomes a directory, not through a link', () => {
    mkdirSync(at('elsewhere'))
    symlinkSync(at('elsewhere'), at('d'))
    makeOwnDirectory(at('d'))
    writeFileSync(at('d/f'), '')
    expect(readdirSync(at('elsewhere'))).toEqual([])
    makeOwnDirectory(at('d'))
    expect(readdirSync(at('d'))).toEqual(['f'])
  })
})

describe('a bounded read', () => {
  it('gives undefined for nothing, and refuses links, FIFOs, directories and files too long', () => {
    writeFileSync(at('f'), '12345')
    symlinkSync(at('f'), at('link'))
    symlinkSync(at('nowhere'), at('dangling'))
    fifo('fifo')
    mkdirSync(at('d'))
    expect(readBounded(at('none'), 5)).toBeUndefined()
    expect(readBounded(at('f'), 5)?.toString()).toBe('12345')
    for (const name of ['link', 'dangling', 'fifo', 'd'])
      expect(() => readBounded(at(name), 5)).toThrow(expect.objectContaining({ code: 'corrupt-file' }))
    expect(() => readBounded(at('f'), 4)).toThrow(/5 bytes; at most 4/)
  })

  it('of the end gives the end, and nothing of what is no file', () => {
    writeFileSync(at('f'), '12345')
    symlinkSync(at('f'), at('link'))
    fifo('fifo')
    expect(readTail(at('f'), 2).toString()).toBe('45')
    expect(readTail(at('f'), 9).toString()).toBe('12345')
    for (const name of ['none', 'link', 'fifo', '.']) expect(readTail(at(name), 9)).toHaveLength(0)
  })
})

it('removes a link and not what it leads to', () => {
  mkdirSync(at('kept'))
  writeFileSync(at('kept/f'), '')
  symlinkSync(at('kept'), at('link'))
  mkdirSync(at('d'))
  symlinkSync(at('kept'), at('d/link'))
  removeTree(at('link'))
  removeTree(at('d'))
  removeTree(at('none'))
  expect(readdirSync(directory)).toEqual(['kept'])
  expect(existsSync(at('kept/f'))).toBe(true)
})

it('removes directories that forbid it, as a Go module cache does', () => {
  mkdirSync(at('d/deep'), { recursive: true })
  writeFileSync(at('d/deep/f'), '')
  chmodSync(at('d/deep'), 0o555)
  chmodSync(at('d'), 0o555)
  // As root nothing forbids anything, so somebody else does it.
  if (process.getuid?.() === 0) {
    chmodSync(directory, 0o777)
    execFileSync('chown', ['-R', '65534', at('d')])
    const url = new URL('../../lib/kit/files.ts', import.meta.url).href
    const script = `(await import(${JSON.stringify(url)})).removeTree(${JSON.stringify(at('d'))})`
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups']
    execFileSync('setpriv', [
      ...nobody,
      process.execPath,
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      script,
    ])
  } else removeTree(at('d'))
  expect(existsSync(at('d'))).toBe(false)
})
