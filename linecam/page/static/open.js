// Leads a link of the report to the labelling page. Its address has a random word, which this browser knows once the
// page has been open in it; the part after # says which frame.

const word = localStorage.getItem("linecam-page");
if (word) location.replace(`/${word}/${location.hash}`);
else document.getElementById("said").textContent = "Open the address that linecam label printed, once, in this browser. Then this link leads to its frame.";
