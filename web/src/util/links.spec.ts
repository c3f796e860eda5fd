import { describe, expect, it } from 'vitest'
import { partsOf } from './links'

const links = (text: string) => partsOf(text).flatMap((part) => (part.href === undefined ? [] : [[part.text, part.href]]))

describe('the parts of a text', () => {
  it('are together the text, with its line breaks', () => {
    for (const text of ['', 'No address.\n\nTwo paragraphs.', 'See https://a.example/b, and http://c.example.\nBye', 'https://a.example']) {
      expect(partsOf(text).map((part) => part.text).join('')).toBe(text)
    }
    expect(partsOf('')).toEqual([])
  })

  it('are links without the punctuation of the sentence', () => {
    expect(links('Read https://a.example/b?c=d#e.')).toEqual([['https://a.example/b?c=d#e', 'https://a.example/b?c=d#e']])
    expect(links('(see https://a.example/b) or https://a.example/x_(y)!').map(([shown]) => shown)).toEqual(['https://a.example/b', 'https://a.example/x_(y)'])
    expect(links('见https://a.example/b。另见 HTTP://A.example/，谢谢')).toEqual([['https://a.example/b', 'https://a.example/b'], ['HTTP://A.example/', 'http://a.example/']])
  })

  it('are links only for http and https, and never with a name before the host', () => {
    expect(links('javascript:alert(1) data:text/html,x ftp://a.example mailto:a@b.example //a.example www.a.example')).toEqual([])
    expect(links('https://bank.example@evil.example/ https://a:b@evil.example https://')).toEqual([])
  })

  it('are no links if they are words of a program', () => {
    expect(links('import time\nos.path.join(a.b) file.py:3 main.rs numpy.linalg time.sleep(1) std::io http.server localhost:8080 x.com')).toEqual([])
  })

  it('end before a mark of a hidden character, a quotation mark and a tag', () => {
    expect(links('https://a.example/‹U+202E›b "https://c.example" <a href=\'https://d.example\'>').map(([shown]) => shown)).toEqual(['https://a.example/', 'https://c.example', 'https://d.example'])
  })
})
