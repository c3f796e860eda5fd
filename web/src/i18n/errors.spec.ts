// Every error code of the API has a text in both languages.
import { describe, expect, it } from 'vitest'
import page from '../../../docs/errors.md?raw'
import { entryOf, errors } from './errors'

const codes = [...page.matchAll(/^\| `([a-z0-9-]+)` \| \d{3} \|/gm)].map(([, code]) => code as string)

describe('the catalogue of errors', () => {
  it('has every code of docs/errors.md', () => {
    expect(codes.length).toBeGreaterThan(30)
    expect(codes.filter((code) => entryOf(code) === 'unknown')).toEqual([])
  })

  it('explains in both languages what happened and what to do', () => {
    for (const texts of Object.values(errors)) {
      for (const { title, todo } of Object.values(texts.codes)) {
        expect(title).not.toBe('')
        expect(todo).toMatch(/[.。]$/)
      }
    }
  })

  it('has a text for unknown codes', () => {
    expect(entryOf('new-code')).toBe('unknown')
  })
})
