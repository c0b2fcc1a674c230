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

const LETTERS = {{ letters | tojson }};

// As `searchable` in verify/report/site.py does.
function searchable(text) {
  const named = [...text.replace(/[\\${}]/g, "")].map((letter) => LETTERS[letter] ?? letter).join("");
  return named.toLowerCase().replace(/\s*([-+*/=^−])\s*/g, "$1").replaceAll("−", "-");
}

const form = document.getElementById("filter");
if (form) {
  const list = document.querySelector(".claims");
  const rows = [...list.querySelectorAll("li")];
  const count = document.getElementById("count");
  const fits = (row, key, value) => !value || row.dataset[key].split("|").includes(value);

  const heading = (text) => {
    const item = document.createElement("li");
    item.className = "group";
    item.textContent = text;
    return item;
  };

  const arrange = (order) => {
    const key = (row) => row.dataset[order].split("|")[0];
    const sorted = order ? rows.toSorted((a, b) => key(a).localeCompare(key(b))) : rows;
    const items = [];
    let last = null;
    for (const row of sorted) {
      if (order && order !== "name" && !row.hidden && key(row) !== last) {
        last = key(row);
        items.push(heading(last));
      }
      items.push(row);
    }
    list.replaceChildren(...items);
  };

  const filter = () => {
    const asked = Object.fromEntries(new FormData(form));
    const words = searchable(asked.search).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const found = words.every((word) => row.dataset.search.includes(word));
      const chosen = ["paper", "verdict", "topic", "kind"].every((key) => fits(row, key, asked[key]));
      row.hidden = !(found && chosen);
      shown += !row.hidden;
    }
    arrange(asked.order);
    count.textContent = shown === rows.length ? `${shown} claims` : `${shown} of ${rows.length} claims`;
    document.getElementById("none").hidden = shown > 0;
    return asked;
  };

  // The address holds the choices, so that a list can be sent to somebody.
  const choose = () => {
    const asked = Object.entries(filter()).filter(([, value]) => value);
    const address = new URLSearchParams(asked).toString();
    history.replaceState(null, "", address ? `#${address}` : location.pathname);
  };
  const read = () => {
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (form.elements[name]) form.elements[name].value = value;
    }
    filter();
  };
  form.hidden = false;
  form.addEventListener("input", choose);
  form.addEventListener("change", choose);
  form.addEventListener("reset", () => setTimeout(choose));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", read);
  // Browsers put old choices back when one returns to the page.
  addEventListener("pageshow", read);
}
