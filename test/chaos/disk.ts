/**
 * Disks of our own, for proofs that need root: a loop device with ext4 whose power can be cut, and a tmpfs so
 * small that it is soon full. Whoever makes one closes it.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errno, reasonOf } from '../../lib/kit/errors.ts'

export interface Disk {
  /** Where it is mounted. */
  readonly mount: string
  close(): void
}

export interface LoopDisk extends Disk {
  /** As the plug being pulled: nothing that is not on the disk by now will get there. */
  cut(): void
  /** As the machine coming back: mounted anew, the journal replayed. */
  again(): void
}

/** A loop device with ext4. */
export function loopDisk(megabytes: number): LoopDisk {
  const directory = temporary()
  const image = join(directory, 'image')
  const mount = join(directory, 'mount')
  mkdirSync(mount)
  const fd = openSync(image, 'w')
  ftruncateSync(fd, megabytes * 1024 * 1024)
  closeSync(fd)
  const made = ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image]
  let device = ''
  const close = () => {
    unmount(mount)
    if (device !== '') say('losetup', '--detach', device)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    say('mkfs.ext4', ...made)
    device = say('losetup', '--find', '--show', image).trim()
    say('mount', '-t', 'ext4', device, mount)
  } catch (error) {
    close()
    throw error
  }
  return {
    mount,
    close,
    cut: () => shutDown(mount),
    again() {
      say('umount', mount)
      // Somebody who made a mount namespace meanwhile has this disk in it, and it stays cut until that is gone.
      for (let tries = 1; ; tries++) {
        say('mount', '-t', 'ext4', device, mount)
        if (isUsable(mount)) return
        say('umount', mount)
        if (tries === 100) throw new Error(`${device} is mounted elsewhere, and stays cut`)
        say('sleep', '0.2')
      }
    },
  }
}

/** @param options of tmpfs: `size=4m`, `nr_inodes=200` */
export function smallDisk(options: string): Disk {
  const directory = temporary()
  const mount = join(directory, 'mount')
  mkdirSync(mount)
  const close = () => {
    unmount(mount)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    say('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', mount)
  } catch (error) {
    close()
    throw error
  }
  return { mount, close }
}

/** Why a proof cannot have its disk; null when it can. Tried, because a container may forbid any of it. */
export function whyNot(use: () => Disk): string | null {
  if (process.getuid?.() !== 0) return 'mounting needs root'
  try {
    use().close()
    return null
  } catch (error) {
    return `no disk of our own can be made here: ${reasonOf(error).split('\n')[0]}`
  }
}

const temporary = (): string => realpathSync(mkdtempSync(join(tmpdir(), 'dirigent-disk-')))

const say = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Also when it is not mounted, or somebody is still in it: then it goes when they leave. */
function unmount(mount: string): void {
  try {
    execFileSync('umount', ['--lazy', mount], { stdio: 'ignore' })
  } catch (error) {
    if (!(error instanceof Error && 'status' in error && error.status !== 0)) throw error
  }
}

/** EXT4_IOC_SHUTDOWN without flushing the log. Node has no ioctl. */
function isUsable(mount: string): boolean {
  try {
    mkdirSync(join(mount, 'usable'))
    rmSync(join(mount, 'usable'), { recursive: true })
    return true
  } catch (error) {
    if (errno(error) === 'EIO' || errno(error) === 'EROFS') return false
    throw error
  }
}

function shutDown(mount: string): void {
  const script = 'open(F, "<", $ARGV[0]) or die $!; my $f = pack("L", 2); ioctl(F, 0x8004587d, $f) or die $!'
  say('perl', '-e', script, mount)
}
