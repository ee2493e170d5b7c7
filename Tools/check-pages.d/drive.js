// Uses a diff's page as a reader would, and leaves what it found in the page for Tools/check-pages. It comes after the
// page's own script.
window.addEventListener("load", async () => {
  const failed = [];
  const check = (claim, holds) => { if (!holds) failed.push(claim); };
  const settled = () => new Promise(done => setTimeout(done, 300));
  const all = [...document.querySelectorAll("details[data-span]")];
  check("there is a call to open", all.length > 0);
  check("calls are closed at first", all.every(section => !section.open));
  document.getElementById("open").click();
  await settled();
  check("'Expand all' opens and draws every call", all.every(section => section.open && section.querySelector(".middle")));
  const box = document.querySelector("button.event");
  check("there is a box", box);
  const panel = document.getElementById("details");
  if (box) {
    check("nothing is chosen at first", panel.hidden);
    box.click();
    check("a click shows the event", !panel.hidden && panel.textContent.includes(box.querySelector("b").textContent));
    check("the details have the cost", panel.textContent.includes("cost in cycles"));
    box.focus();
    box.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
    check("arrow keys go to the next box", box.nextElementSibling === null || document.activeElement === box.nextElementSibling);
    document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
    check("Escape closes the details", panel.hidden);
  }
  const shown = () => all.filter(section => !section.hidden).length;
  const field = document.getElementById("filter");
  const search = text => { field.value = text; field.dispatchEvent(new Event("input")); };
  search("no call has this name");
  check("the filter hides what doesn't match", shown() === 0);
  search(all.length ? all[0].querySelector("b").textContent.toUpperCase() : "");
  check("the filter keeps what matches, in any case of letters", all.length === 0 || !all[0].hidden);
  search("");
  check("an empty filter shows all", shown() === all.length);
  document.getElementById("close").click();
  await settled();
  check("'Collapse all' closes every call", all.every(section => !section.open));
  check("nothing is wider than the page", document.documentElement.scrollWidth <= innerWidth);
  if (location.hash === "#open" && all.length) {
    all[0].open = true;
    await settled();
    if (box) box.click();
    scrollTo(0, 0);
  }
  document.documentElement.dataset.checked = failed.length ? failed.join("; ") : "good";
});
