using System.Xml.Linq;
using Microsoft.ML;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class ForecastingReportTests
{
    private const string Nasty = "<b>\"A&B\"</b>'\u0001\uD800é\U0001F600";

    private readonly MLContext _ml = new(1);

    private static ForecastRow[] Rows(int rows) =>
    [
        .. Enumerable.Range(0, rows).SelectMany(i => new[] { Nasty, "" }.Select(group => new ForecastRow
        {
            Group = group, Series = [i % 7], Forecast = [i % 5, i % 6], Lower = [0, 0], Upper = [4, i == 3 ? float.NaN : 5],
        })),
    ];

    [TestMethod]
    public void MetricsAreWellFormedAndEncoded()
    {
        var metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, Rows(12), 2, [0], level: 0.9f), "Series", "Forecast", 7, "Group", "Lower", "Upper");
        var html = XElement.Parse(metrics.ToHtml());
        Assert.AreEqual("section", html.Name.LocalName);
        Assert.HasCount(4, html.Descendants("table").ToArray());
        Assert.HasCount(1, html.Elements().Where(element => element.Name.LocalName == "svg").ToArray());
        Assert.HasCount(2, html.Descendants().Where(element => element.Name.LocalName == "polyline").ToArray());
        Assert.IsEmpty(html.Descendants("b"));
        Assert.HasCount(1, html.Descendants("td").Where(cell => cell.Value == "<b>\"A&B\"</b>'\uFFFD\uFFFDé\U0001F600").ToArray());
        StringAssert.Contains(html.Value, "seasonal naive (7)");
        StringAssert.Contains(html.Value, metrics.MeanAbsoluteError.ToString("G5", System.Globalization.CultureInfo.InvariantCulture));
        // Each row has as many cells as its table has columns.
        foreach (var table in html.Descendants("table"))
        {
            Assert.AreEqual(1, table.Descendants("tr").Select(row => row.Elements().Count()).Distinct().Count(), table.ToString());
        }
    }

    [TestMethod]
    public void OneStepWithoutGroupsOrBoundsIsDrawnToo()
    {
        var metrics = _ml.Forecasting.Evaluate(ForecastView.Create(_ml, Enumerable.Range(0, 5).Select(_ => new ForecastRow { Series = [1], Forecast = [1] }), 1, [0]), "Series", "Forecast", 1);
        var html = XElement.Parse(metrics.ToHtml());
        Assert.HasCount(2, html.Descendants().Where(element => element.Name.LocalName == "circle").ToArray());
        Assert.HasCount(3, html.Descendants("table").ToArray());
        Assert.DoesNotContain("coverage", html.Value);
        Assert.DoesNotContain("bounds", metrics.ToString());
    }

    [TestMethod]
    public void CrossValidationIsWellFormed()
    {
        using var result = _ml.Forecasting.CrossValidate(ForecastView.Create(_ml, Rows(30).Select(row => new ForecastRow { Group = row.Group, Series = row.Series }), 1, [0]), new LastValueEstimator(_ml, 3, "Series"), "Series", "Forecast", 7, 4, 3, "Group");
        var html = XElement.Parse(result.ToHtml());
        Assert.HasCount(3, html.Descendants("table").ToArray());
        foreach (var table in html.Descendants("table"))
        {
            Assert.AreEqual(1, table.Descendants("tr").Select(row => row.Elements().Count()).Distinct().Count(), table.ToString());
        }
        StringAssert.Contains(html.Value, "0..9");
        var lines = result.ToString().Split(Environment.NewLine);
        Assert.HasCount(6, lines);
        StringAssert.StartsWith(lines[4], "mean");
        StringAssert.StartsWith(lines[5], "deviation");
    }
}
