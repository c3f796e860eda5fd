import { beforeEach, expect, test } from 'vitest'
import type { Schema } from '../api/client'
import { carriedInput, carryInput } from './carry-input'
import { draft, keepDraft, versions } from './drafts'
import { PLAY_SLUG, playOf, textOf } from './play'
import { freshText } from './starters'
import { stubStorage } from './stub-storage'

const PYTHON = { user: 'ada', slug: PLAY_SLUG, language: 'python' }
const INPUT = { args: '-v', stdin: '1 2\n' }

beforeEach(() => {
  stubStorage('localStorage')
  stubStorage('sessionStorage')
})

const code = (text: string, input = { args: '', stdin: '' }) => textOf({ files: [{ path: 'main.py', text }], ...input })
const kept = () => {
  const { files, args, stdin } = playOf(draft(PYTHON) ?? '', 'main.py')
  return { text: files[0]?.text, args, stdin }
}

test('a language without a draft begins with the input and the arguments, which are no draft', () => {
  carryInput(INPUT, PYTHON, 'main.py')
  expect(draft(PYTHON)).toBe(null)
  const fresh = freshText({ language_id: 'python', source_file: 'main.py' } as Schema['LanguageView'], carriedInput('ada'))
  expect(playOf(fresh, 'main.py')).toMatchObject(INPUT)
})

test('a draft without input gets the input, and keeps its code', () => {
  keepDraft(PYTHON, code('mine'), '')
  carryInput(INPUT, PYTHON, 'main.py')
  expect(kept()).toEqual({ text: 'mine', ...INPUT })
  expect(versions(PYTHON)).toEqual([])
})

test('a draft with input or arguments of its own keeps them', () => {
  for (const own of [{ args: '', stdin: 'own' }, { args: 'own', stdin: '' }]) {
    keepDraft(PYTHON, code('mine', own), '')
    carryInput(INPUT, PYTHON, 'main.py')
    expect(kept()).toEqual({ text: 'mine', ...own })
  }
})

test('an empty input changes no draft, and discards the input that was carried before', () => {
  carryInput(INPUT, PYTHON, 'main.py')
  keepDraft(PYTHON, code('mine'), '')
  carryInput({ args: '', stdin: '' }, PYTHON, 'main.py')
  expect(kept()).toEqual({ text: 'mine', args: '', stdin: '' })
  expect(carriedInput('ada')).toEqual({ args: '', stdin: '' })
})

test('a user who signs in keeps the input of the visitor, and no other user gets the input of a user', () => {
  carryInput(INPUT, { ...PYTHON, user: undefined }, 'main.py')
  expect(carriedInput('ada')).toEqual(INPUT)
  carryInput({ args: '', stdin: 'secret' }, PYTHON, 'main.py')
  expect(carriedInput('bob')).toEqual(INPUT)
})
