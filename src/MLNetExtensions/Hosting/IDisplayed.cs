namespace MLNetExtensions;

/// <summary>A result that can show itself; with <see cref="TypeFormatterSourceAttribute"/> notebooks do.</summary>
internal interface IDisplayed
{
    /// <summary>A fragment of HTML that needs nothing else.</summary>
    string ToHtml();
}
