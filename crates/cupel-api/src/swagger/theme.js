// Sets the theme before the first paint: that of the site, whose script (`web/public/theme.js`) reads the same key, or that of the system.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("cupel.theme");
  } catch {
    // The browser may forbid storage. Then the theme is that of the system.
  }
  const isDark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark-mode", isDark);
})();
