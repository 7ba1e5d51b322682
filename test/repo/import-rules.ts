import { dirname, join } from 'node:path/posix'

/** A source file: its path from the root of the repository, with `/`, and its text. */
export interface SourceFile {
  path: string
  text: string
}

/** Where the files of a folder of `src/` may import from, beside packages and Node itself. */
function allowedFolders(path: string): string[] | undefined {
  const [, folder, name] = path.split('/')
  switch (folder) {
    case 'core':
      return ['src/core/']
    case 'stores':
      return ['src/core/', 'src/stores/sql/', `src/stores/${name}/`]
    case 'adapters':
    case 'flask':
    case 'testing':
      return ['src/core/', `src/${folder}/`]
    default:
      return undefined
  }
}

/** What the imports of one file of `src/` break, as sentences. */
export function brokenImportRules({ path, text }: SourceFile, packages: string[]): string[] {
  const isEntry = path.split('/').length === 2
  const folders = isEntry ? ['src/'] : allowedFolders(path)
  if (folders === undefined) return [`${path}: the folder has no rule in test/repo/import-rules.ts`]
  return importsOf(text).flatMap((name) => {
    if (name.startsWith('node:') || packages.includes(name)) return []
    if (!name.startsWith('.')) return [`${path} imports ${name}, which is no runtime dependency`]
    const target = join(dirname(path), name)
    return folders.some((folder) => target.startsWith(folder))
      ? []
      : [`${path} imports ${target}, but may only import from ${folders.join(', ')}`]
  })
}

/** What is wrong with a top-level file of `src/`, which is a public import path. */
export function brokenEntryRules({ path, text }: SourceFile): string[] {
  const module = path === 'src/index.ts' ? 'sessile' : path.replace(/^src\/(.*)\.ts$/, 'sessile/$1')
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '')
  const reExports = /^(?:\s*export (?:type )?(?:\{[^}]*\}|\*(?: as \w+)?) from '[^']+')+\s*$/
  return [
    ...(reExports.test(code) ? [] : [`${path} may only re-export`]),
    ...(text.startsWith('/**') && new RegExp(`@module ${module}\\n`).test(text)
      ? []
      : [`${path} has to begin with a comment that says @module ${module}`]),
  ]
}

/** The specifier of each import, re-export and dynamic import, of types too. */
export function importsOf(text: string): string[] {
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])(.+?)\1/gm,
    /^\s*import\s*(['"])(.+?)\1/gm,
    /^(?!\s*\*).*?\b(?:import|require|getBuiltinModule)\(\s*(['"`])(.+?)\1/gm,
  ]
  const computed = /^(?!\s*(?:\*|\/\/)).*?\b(?:import|require)\(\s*[^\s'"`]/gm
  return [
    ...patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[2] ?? '')),
    ...[...text.matchAll(computed)].map((match) => match[0].trim()),
  ]
}
