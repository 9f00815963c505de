using System.Globalization;
using System.Xml.Linq;
using Microsoft.DotNet.Interactive.Formatting;

namespace MLNetExtensions.Tests;

/// <summary>What must hold of each result that shows itself.</summary>
internal static class Displayed
{
    /// <summary>Its HTML is well-formed and needs nothing else, a notebook shows just that, and it is the same in every culture.</summary>
    /// <returns>The HTML.</returns>
    internal static XElement Check(object value)
    {
        Assert.IsInstanceOfType<IDisplayed>(value);
        var (text, html) = (value.ToString()!, ((IDisplayed)value).ToHtml());
        Assert.AreNotEqual(value.GetType().ToString(), text);
        Assert.DoesNotContain(" \n", text.ReplaceLineEndings("\n"), $"{value.GetType()} leaves spaces behind.");
        Assert.AreEqual("text/html", Formatter.GetPreferredMimeTypesFor(value.GetType()).First());
        Assert.AreEqual(html, Formatter.ToDisplayString(value, "text/html"), value.GetType().ToString());
        Assert.AreEqual(text, Formatter.ToDisplayString(value, "text/plain"), value.GetType().ToString());
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.AreEqual(text, value.ToString());
            Assert.AreEqual(html, ((IDisplayed)value).ToHtml());
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
        var parsed = XElement.Parse(html);
        Assert.AreEqual("section", parsed.Name.LocalName);
        foreach (var table in parsed.Descendants("table"))
        {
            Assert.AreEqual(1, table.Descendants("tr").Select(row => row.Elements().Count()).Distinct().Count(), table.ToString());
        }
        foreach (var element in parsed.DescendantsAndSelf())
        {
            Assert.IsFalse(element.Name.LocalName is "script" or "link" or "img" or "iframe" || element.Attributes().Any(attribute => attribute.Name.LocalName is "href" or "src"), element.ToString());
            foreach (var coordinate in element.Attributes().Where(attribute => attribute.Name.LocalName is "points" or "x" or "y" or "cx" or "cy" or "width" or "height"))
            {
                Assert.DoesNotContain("NaN", coordinate.Value, element.ToString());
                Assert.DoesNotContain("Infinity", coordinate.Value, element.ToString());
            }
        }
        return parsed;
    }
}
