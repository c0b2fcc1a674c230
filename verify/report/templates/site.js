"use strict";

const page = document.documentElement;
const said = document.getElementById("said");
const memory = {
  get: () => { try { return localStorage.getItem("undertow-theme"); } catch { return null; } },
  set: (value) => { try { localStorage.setItem("undertow-theme", value); } catch { /* private window */ } },
};

function useTheme(theme) {
  page.style.colorScheme = theme;
  button.textContent = theme === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", `${button.textContent} colours`);
  button.dataset.now = theme;
}

const button = document.getElementById("theme");
const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
useTheme(memory.get() ?? preferred);
button.hidden = false;
button.addEventListener("click", () => {
  const theme = button.dataset.now === "dark" ? "light" : "dark";
  useTheme(theme);
  memory.set(theme);
});
// A sheet of paper is light whatever the screen is.
addEventListener("beforeprint", () => { page.style.colorScheme = "light"; });
addEventListener("afterprint", () => { page.style.colorScheme = button.dataset.now; });

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Some browsers keep the clipboard from pages opened as files.
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

for (const one of document.querySelectorAll(".copy")) {
  one.addEventListener("click", async () => {
    await copy(document.getElementById(one.dataset.copy).textContent);
    const label = one.innerHTML;
    one.textContent = "Copied";
    said.textContent = "Copied.";
    setTimeout(() => { one.innerHTML = label; said.textContent = ""; }, 1500);
  });
}

function reachByKeyboard() {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
reachByKeyboard();
addEventListener("resize", reachByKeyboard);
document.addEventListener("toggle", reachByKeyboard, true);

const form = document.getElementById("filter");
if (form) {
  const rows = [...document.querySelectorAll(".claims li")];
  const count = document.getElementById("count");
  const fits = (row, key, value) => !value || row.dataset[key].split("|").includes(value);

  const filter = () => {
    const asked = Object.fromEntries(new FormData(form));
    const words = asked.search.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const found = words.every((word) => row.dataset.search.includes(word));
      const chosen = ["paper", "verdict", "topic", "kind"].every((key) => fits(row, key, asked[key]));
      row.hidden = !(found && chosen);
      shown += !row.hidden;
    }
    count.textContent = shown === rows.length ? `${shown} claims` : `${shown} of ${rows.length} claims`;
    document.getElementById("none").hidden = shown > 0;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("change", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  // Browsers put old choices back when one returns to the page.
  addEventListener("pageshow", filter);
}
