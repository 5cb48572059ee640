/*
 * Seen to fail: with one write instead of a loop and without the look at the size in lib/kit/files.ts (a torn
 * status.json at once); with a runner that fails its task when the disk is full (`crashed` in
 * lib/flows/runner/run.ts without `diskTrouble`: in 1 of 25 the task did not go on by itself).
 */
import { scenario } from './full-disk.ts'
import { prove } from './proof.ts'

prove('a full disk tears nothing, is named, and once there is room the next command goes on', scenario)
