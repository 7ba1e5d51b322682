import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export const root: string = join(import.meta.dirname, '../..')

const notOurs = new Set(['.git', 'node_modules', 'dist', 'coverage'])

/** All files below a folder of the repository, as paths from its root with `/`. */
export function repositoryFiles(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (notOurs.has(entry.name)) return []
    return entry.isDirectory() ? repositoryFiles(path) : [path]
  })
}
