// Files that a program leaves behind: the patterns that a person types, and how a file is shown.
import type { Schema } from '../api/client'
import { pathFault, splitArgs } from './play'

export type Artifact = Schema['ArtifactView']

/** The server's bounds: the schema of `POST /execute`. */
const PATTERNS_MAX = 16
const PATTERN_BYTES_MAX = 128
const COMPONENTS_MAX = 32

/** The patterns of a line, which are separated like arguments. */
export const patternsOf = (line: string | undefined): string[] => splitArgs(line ?? '')

export type PatternFault = 'many' | 'long' | 'outside'

/** The first fault of the patterns of a line; `undefined` if there is none. The server checks them again. */
export function patternFault(line: string | undefined): PatternFault | undefined {
  const patterns = patternsOf(line)
  if (patterns.length > PATTERNS_MAX) return 'many'
  const isLong = (pattern: string) => new TextEncoder().encode(pattern).length > PATTERN_BYTES_MAX || pattern.split('/').length > COMPONENTS_MAX
  if (patterns.some(isLong)) return 'long'
  return patterns.some((pattern) => pathFault(pattern, []) !== undefined) ? 'outside' : undefined
}

/** The types that the server lets a browser show. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** Whether the content is a picture, by the type that the server has found in the content. */
export const isPicture = ({ media_type }: Artifact): boolean => media_type != null && PICTURES.has(media_type)

/** The name of a file without its folders. */
export const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** A short name of a media type, such as `png`; `undefined` for text and unknown content. */
export function shortType(mediaType: string): string | undefined {
  if (mediaType.startsWith('text/plain') || mediaType === 'application/octet-stream') return undefined
  const subtype = mediaType.slice(mediaType.indexOf('/') + 1)
  return subtype.replace(/;.*$/, '').replace(/^(x-|vnd\.)/, '').replace(/\+.*$/, '')
}
