// Every error code of the API has a text in both languages, and so have the codes of fields that the site's forms have.
import { describe, expect, it } from 'vitest'
import page from '../../../docs/errors.md?raw'
import { entryOf, errors } from './errors'
import { fields, worded } from './fields'

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

describe('the catalogue of fields', () => {
  const known = [...page.matchAll(/^\| `([a-z-]+)` \| [A-Z]/gm)].map(([, code]) => code as string)

  it('has only codes of docs/errors.md', () => {
    expect(known.length).toBeGreaterThan(20)
    for (const { codes } of Object.values(fields)) expect(Object.keys(codes).filter((code) => !known.includes(code))).toEqual([])
  })

  it('words what the server refuses, and has no words for other codes', () => {
    expect(worded({ code: 'bad-password', detail: 'x' }, fields['zh-CN'])).toBe('需要 8 到 256 个字符。')
    for (const code of ['toString', 'bad-webhook', undefined, null]) expect(worded({ code, detail: 'x' }, fields.en)).toBeUndefined()
  })
})
