import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StoreSetupError } from '../../../src/core/errors.ts'
import { sqliteStore } from '../../../src/sqlite.ts'
import { mountTypeOf, unfitPlace } from '../../../src/stores/sqlite/file-system-check.ts'
import { newPath, openStore } from './sqlite-databases.ts'

const TMPFS = 0x01021994
const EXT4 = 0xef53
const FUSE = 0x65735546

const sharedMemory = '/dev/shm'
const hasTmpfs =
  process.platform === 'linux' &&
  existsSync(sharedMemory) &&
  statfsSync(sharedMemory).type === TMPFS

test('a file system in memory is refused by the file system that is really there', {
  skip: hasTmpfs ? false : 'needs Linux with a tmpfs on /dev/shm',
}, async (context) => {
  const folder = mkdtempSync(join(sharedMemory, 'sessile-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'sessions.db')
  assert.throws(
    () => sqliteStore(path),
    (error) =>
      error instanceof StoreSetupError &&
      /is on tmpfs, which forgets its files.*allowAnyFileSystem: true/.test(error.message),
  )
  assert.ok(!existsSync(path), 'nothing is created')
  await sqliteStore(path, { allowAnyFileSystem: true }).close()
  assert.throws(() => sqliteStore(path), StoreSetupError)
})

test('remote file systems are refused by their magic number', () => {
  const numbers = {
    NFS: 0x6969,
    SMB: 0x517b,
    SMB2: 0xfe534d42,
    CIFS: 0xff534d42,
    Ceph: 0x00c36400,
    Lustre: 0x0bd00bd0,
    GPFS: 0x47504653,
    BeeGFS: 0x19830326,
    GFS2: 0x01161970,
    OCFS2: 0x7461636f,
    '9p': 0x01021997,
    vboxsf: 0x786f4256,
  }
  for (const [name, magic] of Object.entries(numbers)) {
    assert.deepEqual(place({ magic }), { kind: 'remote', name })
    assert.deepEqual(place({ magic: magic | 0 }), { kind: 'remote', name }, 'on a 32-bit system')
  }
  assert.deepEqual(place({ magic: 0x5346414f }), { kind: 'remote', name: 'AFS' })
  assert.deepEqual(place({ magic: 0x6b414653 }), { kind: 'remote', name: 'AFS' })
})

test('file systems that forget are refused', () => {
  assert.deepEqual(place({ magic: TMPFS }), { kind: 'ephemeral', name: 'tmpfs' })
  assert.deepEqual(place({ magic: 0x858458f6 }), { kind: 'ephemeral', name: 'ramfs' })
})

test('local disks, also those of containers, are accepted', () => {
  const btrfs = 0x9123683e
  const xfs = 0x58465342
  const zfs = 0x2fc12fc1
  const overlay = 0x794c7630
  for (const magic of [EXT4, btrfs, xfs, zfs, overlay, 0x123, undefined]) {
    assert.equal(place({ magic }), undefined)
  }
})

test('of FUSE only what is a network is refused', () => {
  for (const type of ['fuse.sshfs', 'fuse.s3fs', 'fuse.gcsfuse', 'fuse.glusterfs', 'fuse.rclone']) {
    assert.deepEqual(place({ magic: FUSE, mountType: () => type }), { kind: 'remote', name: type })
  }
  for (const type of ['fuseblk', 'fuse.ntfs-3g', 'fuse.gocryptfs', 'virtiofs', undefined]) {
    assert.equal(place({ magic: FUSE, mountType: () => type }), undefined)
  }
  assert.equal(place({ magic: FUSE }), undefined)
})

test('network shares of Windows are refused, its disks are not', () => {
  for (const path of ['\\\\server\\share\\app', '\\\\?\\UNC\\server\\share\\app']) {
    assert.equal(place({ path })?.kind, 'remote', path)
  }
  for (const path of ['C:\\app', '\\\\?\\C:\\app', '\\\\.\\C:\\app']) {
    assert.equal(place({ path }), undefined, path)
  }
})

test('hosts that forget their disk are refused, whatever the file system', () => {
  const variables = {
    AWS_LAMBDA_FUNCTION_NAME: 'AWS Lambda',
    VERCEL: 'Vercel',
    NETLIFY: 'Netlify',
    K_SERVICE: 'Cloud Run',
    FUNCTION_TARGET: 'Google Cloud Functions',
    FUNCTIONS_WORKER_RUNTIME: 'Azure Functions',
    DENO_DEPLOYMENT_ID: 'Deno Deploy',
    DYNO: 'Heroku',
  }
  for (const [variable, name] of Object.entries(variables)) {
    const environment = { [variable]: '1' }
    assert.deepEqual(place({ environment, magic: EXT4 }), { kind: 'ephemeral', name })
    assert.equal(place({ environment: { [variable]: '' }, magic: EXT4 }), undefined)
  }
})

test('a store refuses to open on such a host, and opens if it is told to', (context) => {
  context.after(() => {
    delete process.env['AWS_LAMBDA_FUNCTION_NAME']
  })
  process.env['AWS_LAMBDA_FUNCTION_NAME'] = 'shop'
  const path = newPath()
  assert.throws(() => sqliteStore(path), /AWS Lambda.*a database server/)
  assert.ok(!existsSync(path))
  openStore(path, { allowAnyFileSystem: true })
})

test('the type of a mount is found by the longest mount point, the last of equals', () => {
  const mountinfo = [
    '21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '30 21 0:40 / /srv rw - xfs /dev/vdb rw',
    '31 30 0:41 / /srv/remote rw,nosuid shared:7 master:2 - fuse.sshfs ada@host:/ rw,user_id=0',
    '32 30 0:42 / /srv/with\\040space rw - fuse.s3fs s3fs rw',
    '33 21 0:43 / /twice rw - ext4 /dev/vdc rw',
    '34 21 0:44 / /twice rw - fuse.rclone cloud: rw',
    '',
  ].join('\n')
  const types = {
    '/': 'ext4',
    '/home/app': 'ext4',
    '/srv': 'xfs',
    '/srv/local': 'xfs',
    '/srv/remote': 'fuse.sshfs',
    '/srv/remote/app': 'fuse.sshfs',
    '/srv/remote-not': 'xfs',
    '/srv/with space/app': 'fuse.s3fs',
    '/twice/app': 'fuse.rclone',
  }
  for (const [path, type] of Object.entries(types)) {
    assert.equal(mountTypeOf(path, mountinfo), type, path)
  }
})

test('the mount of the temporary folder has a type', {
  skip: process.platform === 'linux' ? false : 'needs /proc/self/mountinfo',
}, () => {
  assert.match(mountTypeOf(tmpdir(), readFileSync('/proc/self/mountinfo', 'utf8')) ?? '', /^\w/)
})

function place(facts: Partial<Parameters<typeof unfitPlace>[0]>): ReturnType<typeof unfitPlace> {
  return unfitPlace({ environment: {}, path: '/srv/app', ...facts })
}
