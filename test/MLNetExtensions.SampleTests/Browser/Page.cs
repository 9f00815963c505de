using Microsoft.Playwright;

namespace MLNetExtensions.SampleTests.Browser;

/// <summary>A page in the Chromium of this machine, with what it wrote to its console and what it asked for.</summary>
internal sealed class Page : IAsyncDisposable
{
    private static readonly string[] s_places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private readonly List<string> _errors = [];
    private readonly List<string> _requests = [];

    private Page(IPlaywright playwright, IBrowser browser, IPage content)
    {
        (_playwright, _browser, Content) = (playwright, browser, content);
        content.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _errors.Add(message.Text);
            }
        };
        content.PageError += (_, error) => _errors.Add(error);
        content.Request += (_, request) => _requests.Add(request.Url);
    }

    internal IPage Content { get; }

    /// <summary>Errors and warnings of the page so far.</summary>
    internal IReadOnlyList<string> Errors => _errors;

    /// <summary>The addresses that the page asked for so far.</summary>
    internal IReadOnlyList<string> Requests => _requests;

    /// <summary>Opens a browser. A machine without one skips the test, but for CI, which installs it.</summary>
    /// <param name="address">A file or an address.</param>
    internal static async Task<Page> OpenAsync(string address)
    {
        var chromium = s_places.FirstOrDefault(File.Exists);
        if (chromium is null)
        {
            Assert.Inconclusive("There is no Chromium.");
        }
        var playwright = await Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = chromium, Args = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
        var page = new Page(playwright, browser, await browser.NewPageAsync());
        await page.Content.GotoAsync(File.Exists(address) ? new Uri(Path.GetFullPath(address)).AbsoluteUri : address);
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}
