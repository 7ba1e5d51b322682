import { readFileSync, statfsSync } from 'node:fs'
import { StoreSetupError } from '../../core/errors.ts'

/** Why a place cannot keep sessions: `'remote'` breaks SQLite's locks, `'ephemeral'` forgets. */
export interface UnfitPlace {
  readonly kind: 'remote' | 'ephemeral'
  readonly name: string
}

/** What a host tells about itself and about the file system of a folder. */
export interface HostFacts {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Absolute. */
  readonly path: string
  /** `f_type` of statfs(2). Only Linux fills it with the magic number of the file system. */
  readonly magic?: number | undefined
  /** Tells the type of the file system as mount(8) does, such as `fuse.sshfs`. */
  readonly mountType?: (() => string | undefined) | undefined
}

// Magic numbers as in <linux/magic.h> and in stat(1) of GNU coreutils, which marks the remote ones.
// Cluster file systems are among them: locks reach the other machines, but the shared memory of
// SQLite's WAL does not (https://sqlite.org/wal.html). The folders that a virtual machine shares
// with its host lack the one or the other.
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x564c, 'NCP'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x20030528, 'OrangeFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x61636673, 'ACFS'],
  [0xaad7aaea, 'PanFS'],
  [0x013111a8, 'IBRIX'],
  [0xbeefdead, 'SNFS'],
  [0x01021997, '9p'],
  [0xbacbacbc, 'vmhgfs'],
  [0x786f4256, 'vboxsf'],
  [0x7c7c6673, 'prl_fs'],
])

const EPHEMERAL: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])

// FUSE has one magic number for disks (NTFS, encrypted folders) and for networks.
const FUSE = 0x65735546
const REMOTE_FUSE: ReadonlySet<string> = new Set(
  [
    'afpfs blobfuse blobfuse2 ceph ceph-fuse curlftpfs davfs gcsfuse geesefs glusterfs goofys',
    'juicefs lizardfs mfs moosefs mount-s3 mountpoint-s3 rclone s3fs seaweedfs smbnetfs sshfs',
  ]
    .join(' ')
    .split(' ')
    .map((name) => `fuse.${name}`),
)

// Hosts whose local files are gone after an answer, a restart or a deploy.
const EPHEMERAL_HOSTS: ReadonlyMap<string, string> = new Map([
  ['AWS_LAMBDA_FUNCTION_NAME', 'AWS Lambda'],
  ['VERCEL', 'Vercel'],
  ['NETLIFY', 'Netlify'],
  ['K_SERVICE', 'Cloud Run'],
  ['FUNCTION_TARGET', 'Google Cloud Functions'],
  ['FUNCTIONS_WORKER_RUNTIME', 'Azure Functions'],
  ['DENO_DEPLOYMENT_ID', 'Deno Deploy'],
  ['DYNO', 'Heroku'],
])

/** Why a file of sessions would be lost or broken there; `undefined` if nothing speaks against it. */
export function unfitPlace(facts: HostFacts): UnfitPlace | undefined {
  const { environment, path, magic, mountType } = facts
  for (const [variable, name] of EPHEMERAL_HOSTS) {
    if (environment[variable]) return { kind: 'ephemeral', name }
  }
  if (/^\\\\(?![?.]\\)|^\\\\\?\\UNC\\/i.test(path)) {
    return { kind: 'remote', name: 'a Windows network share' }
  }
  if (magic === undefined) return undefined
  // 32-bit systems tell it as a signed number.
  const unsigned = magic >>> 0
  const remote = REMOTE.get(unsigned)
  if (remote !== undefined) return { kind: 'remote', name: remote }
  const ephemeral = EPHEMERAL.get(unsigned)
  if (ephemeral !== undefined) return { kind: 'ephemeral', name: ephemeral }
  if (unsigned !== FUSE) return undefined
  const type = mountType?.()
  return type !== undefined && REMOTE_FUSE.has(type) ? { kind: 'remote', name: type } : undefined
}

const MOUNTS = '/proc/self/mountinfo'

/**
 * The type of the mount that holds a path, from the text of `/proc/self/mountinfo` (proc(5)):
 * the longest mount point wins, and the last of equal ones.
 */
export function mountTypeOf(path: string, mountinfo: string): string | undefined {
  let longest = ''
  let type: string | undefined
  for (const line of mountinfo.split('\n')) {
    const [, , , , encoded = '', ...rest] = line.split(' ')
    const point = encoded.replace(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const holds = path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`)
    if (point === '' || !holds || point.length < longest.length) continue
    longest = point
    type = rest[rest.indexOf('-') + 1]
  }
  return type
}

/**
 * Refuses a place in which a file of sessions would be lost or broken.
 *
 * @param path an existing file or folder, absolute and without symbolic links
 */
export function checkFileSystem(path: string): void {
  const unfit = unfitPlace({ environment: process.env, path, ...linuxFacts(path) })
  if (unfit === undefined) return
  const override = 'If you know better, set allowAnyFileSystem: true.'
  if (unfit.kind === 'ephemeral') {
    throw new StoreSetupError(
      `${path} is on ${unfit.name}, which forgets its files, so that the sessions would be lost. ` +
        `Give sqliteStore a path on a disk that stays, or use a database server. ${override}`,
    )
  }
  throw new StoreSetupError(
    `${path} is on ${unfit.name}, where SQLite may corrupt its database. Give sqliteStore a path ` +
      `on a local disk, or use a database server. ${override}`,
  )
}

function linuxFacts(path: string): Pick<HostFacts, 'magic' | 'mountType'> {
  if (process.platform !== 'linux') return {}
  // A sandbox may hide either: then nothing speaks against the place.
  return {
    magic: ifReadable(() => statfsSync(path).type),
    mountType: () => ifReadable(() => mountTypeOf(path, readFileSync(MOUNTS, 'utf8'))),
  }
}

function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
