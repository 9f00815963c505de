using System.Net;
using Microsoft.Playwright;
using MLNetExtensions.SampleTests.Browser;
using MLNetExtensions.Tests;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.SampleTests.Web;

public sealed partial class WebApiTests
{
    private const double LeastContrast = 4.5;

    // How many pixels of the chart are painted, and a number that changes with what is painted.
    private const string Painted = """
        () => {
            const chart = document.querySelector('#chart canvas');
            // A copy that is made to be read: the browser warns where others are.
            const copy = Object.assign(document.createElement('canvas'), { width: chart.width, height: chart.height }).getContext('2d', { willReadFrequently: true });
            copy.drawImage(chart, 0, 0);
            const pixels = copy.getImageData(0, 0, chart.width, chart.height).data;
            let [count, sum] = [0, 0];
            for (let i = 3; i < pixels.length; i += 4) {
                if (pixels[i] > 0) { count++; sum = (sum * 31 + i + pixels[i - 3]) % 1000003; }
            }
            return [count, sum];
        }
        """;

    // The smallest contrast of a text on what lies behind it.
    private const string Contrast = """
        () => {
            const parts = text => text.match(/[\d.]+/g).map(Number);
            const light = rgb => { const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const ground = element => { for (; element; element = element.parentElement) { const c = parts(getComputedStyle(element).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
            return Math.min(...[...document.querySelectorAll('h1, h2, p, label, button, select, input, summary, a, footer, li')].filter(one => one.innerText || one.value).map(one => {
                const [a, b] = [light(parts(getComputedStyle(one).color).slice(0, 3)), light(ground(one).slice(0, 3))];
                return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            }));
        }
        """;

    // ---- The page ----

    [TestMethod]
    public async Task ThePageFollowsTheReadings()
    {
        var address = s_server.Client.BaseAddress!.AbsoluteUri;
        await using var page = await Page.OpenAsync(address);
        var content = page.Content;
        var row = (await s_server.PostAsync("forecast", new { })).Row();
        await AtRowAsync(content, row);
        var before = await content.EvaluateAsync<int[]>(Painted);
        Assert.IsGreaterThan(10_000, before[0], "There is no chart.");
        Must.Contain(await content.Locator("#status").InnerTextAsync(), $"Row {row}: North", "Next: ", "between");

        // Somebody else sends a reading.
        await s_server.PostAsync("readings", new { rows = new[] { new float[] { 150, 150, 150 } } });
        await AtRowAsync(content, row + 1);
        Assert.Contains("North 150.0", await content.Locator("#status").InnerTextAsync());
        var after = await content.EvaluateAsync<int[]>(Painted);
        Assert.AreNotEqual(before[1], after[1], "The chart has not moved.");

        // By the keyboard alone: the fields hold what is expected, one is changed, the form is sent.
        await content.Locator("#fields input").First.FocusAsync();
        await content.Keyboard.PressAsync("Control+A");
        await content.Keyboard.TypeAsync("123.5");
        await content.Keyboard.PressAsync("Enter");
        await AtRowAsync(content, row + 2);
        Assert.Contains("North 123.5", await content.Locator("#status").InnerTextAsync());
        Assert.AreEqual(123.5f, (await s_server.GetAsync("history?last=1")).Table("rows")[0][0]);

        // Another channel, further ahead, as a table.
        await content.Locator("#channel").SelectOptionAsync("South");
        await content.Locator("#horizon").SelectOptionAsync("48");
        await content.Locator("summary").ClickAsync();
        await Assertions.Expect(content.Locator("#table tr")).ToHaveCountAsync(48);
        Must.Contain(await content.Locator("#status").InnerTextAsync(), "South");

        // A model that was replaced is seen at once; the readings go on.
        var info = (await s_server.PutAsync("forecaster", SavedAgain("forecaster"))).Must(HttpStatusCode.OK);
        await Assertions.Expect(content.Locator("#model")).ToHaveTextAsync(info.GetProperty("version").GetString()!);
        await content.Locator("#play").ClickAsync();
        await content.WaitForFunctionAsync("row => Number(document.querySelector('#status').dataset.row) >= row", row + 4);
        await content.Locator("#play").ClickAsync();

        await AssertContrastAsync(content, ColorScheme.Light);
        await AssertContrastAsync(content, ColorScheme.Dark);
        Assert.IsEmpty(page.Errors, string.Join('\n', page.Errors));
        Assert.IsTrue(page.Requests.All(request => request.StartsWith(address, StringComparison.Ordinal)), string.Join('\n', page.Requests));
    }

    private static async Task AssertContrastAsync(IPage content, ColorScheme scheme)
    {
        await content.EmulateMediaAsync(new() { ColorScheme = scheme });
        Assert.IsGreaterThanOrEqualTo(LeastContrast, await content.EvaluateAsync<double>(Contrast), $"{scheme}");
        // To be looked at.
        await content.ScreenshotAsync(new() { Path = Path.Combine(GoldenFiles.RepositoryRoot, "artifacts", $"web-page-{scheme}.png"), FullPage = true });
    }

    private static Task AtRowAsync(IPage content, long row) => Assertions.Expect(content.Locator("#status")).ToHaveAttributeAsync("data-row", $"{row}", new() { Timeout = 20_000 });
}
