namespace MLNetExtensions.SampleTests.Browser;

/// <summary>A report in the browser.</summary>
internal static class ReportPage
{
    /// <summary>Opens a report and makes sure that all of it is there: its charts and tables are shown, nothing is asked for from elsewhere, nothing goes wrong, and it fits into the window.</summary>
    internal static async Task AssertAsync(string path, int charts, int tables)
    {
        await using var page = await Page.OpenAsync(path);
        Assert.IsEmpty(page.Errors, string.Join('\n', page.Errors));
        // What is inside the page is no request to elsewhere.
        string[] requests = [.. page.Requests.Where(address => !address.StartsWith("data:", StringComparison.Ordinal))];
        CollectionAssert.AreEqual(new[] { new Uri(Path.GetFullPath(path)).AbsoluteUri }, requests);
        var places = await page.Content.EvaluateAsync<double[]>("""
            Promise.all([...document.images].map(image => image.decode())).then(() =>
                [...document.querySelectorAll('img, svg')].map(chart => (chart.naturalWidth ?? 1) * chart.getBoundingClientRect().width * chart.getBoundingClientRect().height))
            """);
        Assert.HasCount(charts, places);
        Assert.IsTrue(places.All(size => size > 0), "A chart is not shown.");
        var rows = await page.Content.EvaluateAsync<int[]>("[...document.querySelectorAll('table')].map(table => table.getBoundingClientRect().height > 0 ? table.querySelectorAll('tbody tr').length : 0)");
        Assert.HasCount(tables, rows);
        Assert.IsTrue(rows.All(count => count > 0), "A table is empty.");
        Assert.IsFalse(await page.Content.EvaluateAsync<bool>("document.documentElement.scrollWidth > document.documentElement.clientWidth"), "The page is wider than the window.");
    }
}
