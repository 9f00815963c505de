namespace MLNetExtensions;

/// <summary>Shows results in notebooks, by their own HTML and text. The kernel finds the members by their names.</summary>
internal sealed class FormatterSource
{
    public IEnumerable<object> CreateTypeFormatters() => [new HtmlFormatter(), new TextFormatter()];

    private sealed class HtmlFormatter
    {
        public string MimeType => "text/html";

        public bool Format(object instance, TextWriter writer)
        {
            if (instance is not IDisplayed result)
            {
                return false;
            }
            writer.Write(result.ToHtml());
            return true;
        }
    }

    private sealed class TextFormatter
    {
        public string MimeType => "text/plain";

        public bool Format(object instance, TextWriter writer)
        {
            if (instance is not IDisplayed)
            {
                return false;
            }
            writer.Write(instance.ToString());
            return true;
        }
    }
}
