// On a phone a picture fits the page; a tap enlarges it, and then it scrolls by itself.
document.addEventListener("DOMContentLoaded", () => {
  for (const picture of document.querySelectorAll(".bd-article img:not(.sphx-glr-thumbcontainer img)")) {
    const frame = document.createElement("div");
    frame.className = "picture";
    picture.replaceWith(frame);
    frame.append(picture);
    frame.addEventListener("click", () => frame.classList.toggle("large"));
  }
});
