'use strict';
// Fetches the parts that changed and replaces only those; switches and open folds keep their state. The parts are the
// server's own markup, escaped there, and the page's policy blocks any script in them.
(() => {
  const digests = {};
  const settle = (old, fresh) => {
    for (const box of fresh.querySelectorAll('.legend input')) {
      const was = old.querySelector(`#${box.closest('figure').id} .legend input[data-k="${box.dataset.k}"]`);
      if (was) box.checked = was.checked;
    }
    const picked = new Set([...old.querySelectorAll('input[name="run"]:checked')].map((one) => one.value));
    for (const box of fresh.querySelectorAll('input[name="run"]')) box.checked = picked.has(box.value);
    const key = (one) => one.dataset.key ?? one.closest('figure').id;
    const were = new Map([...old.querySelectorAll('details')].map((one) => [key(one), one.open]));
    for (const one of fresh.querySelectorAll('details')) one.open = were.get(key(one)) ?? one.open;
  };
  const put = (name, markup) => {
    const old = document.getElementById(`part-${name}`);
    const fresh = old.cloneNode(false);
    fresh.innerHTML = markup;
    settle(old, fresh);
    old.replaceWith(fresh);
    fresh.dispatchEvent(new CustomEvent('fresh', { bubbles: true }));
  };
  const said = document.getElementById('connection');
  const refresh = async () => {
    try {
      const answer = await fetch(`state?${new URLSearchParams(digests)}`, { cache: 'no-store' });
      if (!answer.ok) {
        said.textContent = await answer.text();
        setTimeout(refresh, 2000);
        return;
      }
      const parts = await answer.json();
      for (const [name, part] of Object.entries(parts)) {
        put(name, part.markup);
        digests[name] = part.digest;
      }
      said.textContent = '';
    } catch {
      said.textContent = 'The dashboard has stopped: this is its last state.';
    }
    setTimeout(refresh, 2000);
  };
  refresh();
})();
