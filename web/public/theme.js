// Sets the theme and the language of the page before the first paint. `src/util/theme.ts` and `src/i18n/` change them.
;(function () {
  var root = document.documentElement
  var kept = function (key) {
    try {
      return localStorage.getItem(key)
    } catch {
      return null
    }
  }
  var theme = kept('cupel.theme')
  var dark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  root.classList.toggle('dark', dark)
  var language = kept('cupel.language') || navigator.language || 'en'
  root.lang = language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
})()
