using WebApi.Http;

// The page and the settings lie beside the program, the models where Server:Folder says, seen from where it was started.
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.AddModelServer();
var app = builder.Build();
app.UseModelServer();
app.MapModelServer();
app.Run();
